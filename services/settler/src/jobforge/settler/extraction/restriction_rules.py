"""Clauses that restrict what a party may do, with whom and for how long."""

from jobforge.settler.extraction.clause_rule import CONSENT, NEVER, Rule

RESTRICTIONS = (
    Rule(
        "Non-Compete",
        ("compet", "similar", "same", "mile"),
        (
            r"\bnon-?compet(?:e|ition)\b(?! (?:clause|laws?))",
            NEVER
            + (
                r"[^.;]{0,260}\bcompet(?:es?|ing|itive(?:ly)?)\b (?:with|against|to|product|business|service|event|"
                r"brand|sponsor|entit|compan|line|goods|offering|program|technolog|enterprise|venture|directly|or)"
            ),
            NEVER
            + r"[^.;]{0,200}\b(?:engage|participate|invest)\w*[^.;]{0,120}\b(?:business|activit)[^.;]{0,120}\bcompet",
            NEVER
            + (
                r"[^.;]{0,160}\b(?:manufacture|market|sell|promote|distribute|represent|"
                r"develop)\w*[^.;]{0,120}\bcompet(?:es?|ing|itive)\b"
            ),
            r"\bcovenant not to compete\b|\bprohibit\w* (?:\w+ ){0,3}competition\b",
            NEVER
            + (
                r"[^.;]{0,100}\b(?:manufacture|market|sell|promote|distribute|represent|develop|engage|operate|own)\w*"
                r"[^.;]{0,60}\b(?:(?:similar|same) (?:\w+ )?(?:product|business|service|goods|line)s?\b|"
                r"(?:business|product|service)s? (?:\w+ ){0,3}similar to\b)"
            ),
            NEVER + r"[^.;]{0,100}\b(?:open|operate|own|establish)\w*[^.;]{0,100}\bwithin [^.;]{0,40}\bmiles?\b",
        ),
        unless=(
            r"breach (?:of )?any|covenant not to compete (?:in|of|under) section|competitive (?:harm|bid|injury|"
            r"disadvantage|terms|position|pric)|unfair compet|anti-?compet|nothing (?:in|contained)|shall not "
            r"(?:prevent|restrict|prohibit|preclude|be (?:deemed|construed))|free to|table of contents"
        ),
    ),
    Rule(
        "Exclusivity",
        ("exclusiv", "sole", "only", "requirements", "other", "third", "than"),
        (
            (
                r"\b(?:sole and exclusive|exclusive(?:ly)?)[^.;]{0,30} (?:right|licen[sc]e|distribut\w+|supplier|"
                r"provider|agent|reseller|representative|sponsor|manufacturer|dealer|partner|vendor|marketing|"
                r"basis|territor\w+|purchas\w+|source|seller)"
            ),
            r"\b(?:appoint|grant|engage|retain|designate)s?\b[^.;]{0,160}\bexclusive\b",
            (
                r"\b(?:purchase|buy|obtain|source|procure|order)\b[^.;]{0,80}\b(?:exclusively|solely|only) "
                r"(?:from|through)\b"
            ),
            r"\ball of (?:its|their|the \w+'s) requirements\b",
            r"\bexclusivity\b(?! of)",
            r"\bon an exclusive basis\b",
            NEVER
            + (
                r"[^.;]{0,120}\b(?:appoint|engage|grant|enter into|authori[sz]e|permit|supply|"
                r"sell)\b[^.;]{0,120}\b(?:any )?other (?:person|party|third|distributor|reseller|sponsor|provider|"
                r"vendor|manufacturer|dealer|licensee|supplier|entity|agent|company)"
            ),
            NEVER
            + (
                r"[^.;]{0,80}\b(?:sell|supply|provide|license|distribute)\b[^.;]{0,80}\bto (?:any )?(?:third part|"
                r"other |(?:person|party|anyone) other than)[^.;]{0,120}\b(?:in|within|into|for) the (?:territory|"
                r"field|area)"
            ),
            NEVER
            + r"[^.;]{0,80}\b(?:endorse|promote|sponsor)\w*\b[^.;]{0,60}\bother (?:\w+ )?(?:brand|product|compan)",
            (
                r"\b(?:sole|only) (?:\w+ )?(?:supplier|provider|distributor|source|agent|sponsor|vendor|reseller|"
                r"representative)\b(?!')"
            ),
            r"\b(?:shall|will) exclusively (?:promote|use|sell|purchase|market|feature|offer|display|buy|distribute)\b",
        ),
        unless=(
            r"non-?\s?exclusive|retains?\b|exclusive (?:jurisdiction|venue|remed|forum|propert|owner|of)|jurisdiction|"
            r"sole (?:remedy|discretion|expense|cost|responsib|liab|and exclusive (?:remed|propert|jurisd|liab|owner|"
            r"right,? title))|exclusive right, title|not (?:be )?exclusive|remed(?:y|ies)|confidential"
        ),
    ),
    Rule(
        "No-Solicit Of Employees",
        ("employee", "person", "staff", "consultant"),
        (
            NEVER
            + (
                r"[^.;]{0,200}\b(?:solicit|recruit|hire|employ|entice|induce|"
                r"encourage|engage)\w*\b[^.;]{0,160}\b(?:employees?|personnel|staff|consultants?|"
                r"persons? (?:who (?:is|was|are|were)|(?:then )?employed))\b"
            ),
            r"\bnon-?solicit(?:ation)?\b[^.;]{0,100}\bemployees?",
        ),
        unless=(
            r"discriminat|equal employ|benefits|not be deemed|independent contractor|deemed to be (?:an "
            r")?employ|agents? or employees|employees? or agents?|liab|damages|gifts?|bribe|confidential"
        ),
    ),
    Rule(
        "Termination For Convenience",
        ("termina", "cancel", "withdraw", "end"),
        (
            (
                r"\b(?:may|right (?:\w+ ){0,3}to|entitled to|can|option (?:\w+ )?to|elect\w* to|able "
                r"to)\b[^.;]{0,60}\b(?:terminate|cancel|withdraw|end)\b[^.;]{0,200}\b(?:without (?:any )?(?:cause|"
                r"reason)|for (?:its )?convenience|for any(?: or no)? reason|for no reason|at will|with or without "
                r"cause|in its sole discretion|at its (?:sole )?(?:discretion|option|convenience|election))\b"
            ),
            (
                r"\b(?:terminat(?:ed|ion)|cancel(?:led|ed|lation)) (?:\w+ ){0,4}?by (?:\w+ ){1,4}[^.;]{0,40}\b"
                r"(?:for any(?: or no)? reason|without cause|at any time|for convenience)\b"
            ),
            (
                r"\bterminat\w* (?:\w+ ){0,3}for (?:its )?convenience\b|\btermination (?:\w+ )?(?:without cause|"
                r"for convenience)\b"
            ),
            (
                r"\b(?:may|right to)\b[^.;]{0,20}\b(?:without cause|for convenience|for any reason|at any time)\b"
                r"[^.;]{0,80}\b(?:terminate|cancel)\b"
            ),
            (
                r"\b(?:either party|any party|each party|both parties|\w+) (?:may|shall have the right to|has the "
                r"right to|can|(?:is|shall be|are) entitled to) (?:\w+ ){0,3}?(?:terminate|cancel) (?:this|the) \w+(?: "
                r"\w+){0,12}?,? (?:at any time|by giving|by providing|upon|on|with)[^.;]{0,60}\b(?:days?|months?|"
                r"years?)'?\b[^.;]{0,40}\bnotice\b(?![^;]{0,160}(?:if|in the event|breach|default|fail|should))"
            ),
            (
                r"\b(?:terminat\w*|cancel\w*) (?:this|the) \w+ at any time\b(?![^.;]{0,160}\b(?:if|in the event|"
                r"breach|default|fail|should|mutual)\b)"
            ),
            (
                r"\bmay be (?:terminated|cancell?ed)\b[^.;]{0,100}\b(?:at any time|at will|without cause|for "
                r"convenience|for any reason)\b(?![^;]{0,160}\b(?:if|in the event|breach|default|fail|should|mutual)\b)"
            ),
            r"\bterminable (?:\w+ ){0,3}(?:at will|at any time|for convenience|without cause)\b",
            (
                r"\bterminated by either party (?:at any time )?(?:up)?on\b[^.;]{0,60}\bnotice\b(?![^.;]{0,160}\b("
                r"?:if|event|breach|default|fail)\b)"
            ),
        ),
        unless=(
            r"\b(?:breach\w*|default\w*|bankrupt\w*|insolven\w*|force majeure|mutual(?:ly)?\b|material(?:ly)? (?:fail|"
            r"breach))\b|employment|upon (?:any |the )?(?:expiration|termination) (?:or|of)|after termination|renew|"
            r"following (?:any )?termination|in the event of (?:any )?termination|terminat\w+ (?:of (?:this|the) "
            r"agreement )?for any reason (?:whatsoever,? )?(?:\w+ ){0,3}(?:shall|will|,)"
        ),
    ),
    Rule(
        "Change Of Control",
        ("control", "owner", "terminat", "assign", "consent", "notice", "notif"),
        (
            r"\bchange (?:of|in) (?:the )?(?:control|ownership)\b",
            (
                r"\bterminat\w*[^.;]{0,250}\b(?:merge[rsd]?|consolidat\w+|acquired|acquisition|sells? (?:all|"
                r"substantially)|sale of (?:all|substantially))"
            ),
            (
                r"\b(?:merger|consolidation|sale of (?:all|substantially all)|transfer of (?:all|a majority|"
                r"control)|acquisition)\b[^.;]{0,200}\b(?:deemed (?:to be )?an? assignment|constitute an? "
                r"assignment|right to terminate|may terminate|consent)"
            ),
            r"\bassign\w*[^.;]{0,200}\bby operation of law\b[^.;]{0,200}\b(?:change|merger|control|sale)",
            (
                r"\b(?:transfer|sale|issuance)[^.;]{0,60}\b(?:majority|more than (?:fifty|50)|"
                r"controlling)[^.;]{0,60}\b(?:stock|shares|interest|voting)\b[^.;]{0,160}\b(?:assign|terminat|"
                r"consent|notice|notif)"
            ),
        ),
        unless=r"\"(?:affiliate|control)s?\"|means? (?:any|a|the|with)|table of contents",
    ),
    Rule(
        "Anti-Assignment",
        ("assign", "transfer", "delegate"),
        (
            NEVER
            + (
                r"[^.;]{0,160}\b(?:assign(?:ed|able|ment|s)?|transfer(?:red|able)?|delegate)\b(?! (?:to|"
                r"personnel))[^.]{0,300}\b(?:"
            )
            + CONSENT
            + r"|this|agreement|void)\b",
            (
                r"\b(?:assign|assignment|transfer|assigned)\b[^.]{0,250}\bwithout (?:the |first |obtaining |prior "
                r"|express |written |other |such |either )*[^.;]{0,40}\b"
            )
            + CONSENT,
            r"\bterminat\w*[^.;]{0,80}\bin the event of (?:its|an?|any) \"?assignment\b",
            r"\b(?:is|are|shall be) not (?:assignable|transferable)|non-?(?:assignable|transferable)|not be assign",
            (
                r"\b(?:any|no) (?:attempt\w* |purported |such )?(?:assignment|transfer)\b[^.;]{0,160}\b(?:void|"
                r"null|valid|permitted|effective|consent)"
            ),
            (
                r"\b(?:neither|nor|no) [^.;]{0,80}\b(?:is|are|shall be|may be|will be) (?:assignable|transferable|"
                r"assigned|transferred)\b"
            ),
            r"\bmay (?:only )?(?:assign|be assigned)\b[^.;]{0,160}\b(?:only|consent|notice)",
        ),
        unless=r"non-?transferable,? (?:\w+,? ){0,4}licen[sc]e",
    ),
)
