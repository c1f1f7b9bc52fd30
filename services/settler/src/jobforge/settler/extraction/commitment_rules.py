"""Clauses on what a party owes, grants, guarantees or insures."""

from jobforge.settler.extraction.clause_rule import OBLIGED, Rule

COMMITMENTS = (
    Rule(
        "Minimum Commitment",
        ("minimum", "least", "less", "fewer", "take", "quota"),
        (
            (
                r"\bminimum (?:\w+ ){0,3}(?:order|purchase|quantit|commitment|volume|payment|royalt|amount|fee|"
                r"guarantee|sales|annual|number|requirement|usage|spend|revenue|quota|level|billing|deliver|"
                r"impression|production|shipment|throughput)"
            ),
            r"\b(?:guaranteed?|annual) minimum",
            r"\bguarantees?\b[^.;]{0,60}\b(?:at least|no less than|a minimum)\b[^.;]{0,40}\d",
            r"\b(?:sales|purchase|volume|performance) quotas?\b",
            OBLIGED
            + (
                r"(?: \w+,?){0,6} (?:purchase|order|buy|pay|sell|supply|deliver|spend|produce|provide|make|"
                r"generate|place|commit|maintain|take)\b[^.;]{0,120}\b(?:at least|no(?:t)? (?:less|fewer) than|"
                r"a minimum of|minimum)\b(?! (?:\w+ ){0,4}(?:days?|hours?|months?|business|calendar|"
                r"weeks?)\b)[^.;]{0,60}(?:\d|\[\*|\bone|\btwo|\bthree|\bfour|\bfive|\bten)"
            ),
            r"\btake[- ]or[- ]pay\b",
            (
                r"\bminimum of (?:\$|US|\d|\[|one|two|three|four|five|six|ten|twenty)[^.;]{0,60}\b(?:units|orders|"
                r"dollars|per (?:year|month|annum|quarter)|each (?:year|month)|annually|systems|products|"
                r"impressions|tons|gallons|barrels|hours)"
            ),
        ),
        unless=(
            r"insurance|liability (?:limit|coverage)|coverage|net worth|per occurrence|days'? (?:prior "
            r")?(?:written )?notice|minimum (?:\w+ )?(?:wage|standard|specification)|shall not be "
            r"(?:subject|required|obligated)|no minimum|table of contents|not less than \d+ days"
        ),
    ),
    Rule(
        "License Grant",
        ("licen", "grant"),
        (
            r"\b(?:hereby )?grants?\b[^.;]{0,220}\b(?:licen[sc]e|sublicen[sc]e)\b",
            (
                r"\b(?:hereby )?(?:grants?|granting)\b[^.;]{0,120}\bright(?:s)?\b[^.;]{0,50}\b(?:to use|to "
                r"reproduce|to display|to sublicense|to copy|to make, )"
            ),
            r"\b(?:is|are|be) (?:hereby |hereunder )?(?:granted|licensed)\b[^.;]{0,100}\b(?:licen[sc]e|right to use)",
            r"\b(?:is|are) (?:hereby|hereunder) licensed to\b",
            r"\bhereby licenses?\b",
            r"\b(?:non-?exclusive|exclusive|royalty-free|worldwide|perpetual|limited)[^.;]{0,80} licen[sc]e to\b",
        ),
        unless=(
            r"no (?:licen[sc]e|right)|not (?:be (?:construed|deemed|interpreted)|grant|constitute|convey)|"
            r"nothing|does not grant|liquor|no rights|driver|neither party|shall not be"
        ),
    ),
    Rule(
        "Cap On Liability",
        ("liab", "damages", "obligation", "responsible", "action", "claim", "suit", "proceeding"),
        (
            (
                r"\b(?:liab\w+|damages|obligation)\b[^.;]{0,200}\b(?:shall not exceed|not (?:to )?exceed|be "
                r"limited to|is limited to|in excess of|exceed (?:the|an)|limited to (?:the|an) )"
            ),
            (
                r"\b(?:no event|nor|neither|not|never)\b[^.]{0,200}\b(?:liable|liability|"
                r"responsible)\b[^.]{0,250}\b(?:consequential|indirect|special|incidental|punitive|exemplary|lost "
                r"profits|loss of profits?)"
            ),
            r"\b(?:disclaims?|waives?|excluded?)\b[^.;]{0,160}\b(?:consequential|punitive|incidental|special) damages",
            r"\bno (?:further |other )?(?:liability|obligation) (?:beyond|in excess|greater)\b",
            (
                r"\b(?:actions?|claims?|suits?|proceedings?)\b[^.;]{0,100}\b(?:must|shall) be (?:brought|commenced|"
                r"filed|"
                r"instituted)\b[^.;]{0,40}\bwithin\b"
            ),
            r"\b(?:maximum|aggregate|total|cumulative|entire) (?:\w+ ){0,3}liability\b",
            (
                r"\bno (?:action|claim|suit|legal action|proceeding)\b[^.;]{0,160}\b(?:more than|later than|after|"
                r"unless)\b[^.;]{0,40}\b(?:years?|months?|days)\b"
            ),
        ),
        unless=r"insurance (?:polic|cover)|limited liability company",
    ),
    Rule(
        "Liquidated Damages",
        ("liquidated", "fee", "charge", "penalt", "payment", "agreed", "delay"),
        (
            r"\bliquidated (?:damages?|sum)",
            r"\bagreed (?:\w+ )?damages\b|\bdelay damages\b|\bfor each (?:day|week|month) of delay\b|\bbreak-?up fee\b",
            r"\b(?:termination|cancellation|early termination) (?:fee|charge|penalt|payment)",
            r"\b(?:as (?:a )?penalty|penalty of|penalt(?:y|ies) (?:equal|in the amount))",
            r"\bnot (?:as )?a penalty\b",
        ),
        unless=(
            r"no (?:\w+ )?(?:termination fee|penalt)|without (?:\w+ )?penalt|injunctive|under penalty|"
            r"penalty of perjury|table of contents"
        ),
    ),
    Rule(
        "Insurance",
        ("insur", "coverage", "liability"),
        (
            OBLIGED
            + (
                r"[^.;]{0,140}\b(?:maintain|carry|procure|obtain|keep|purchase|provide|effect|secure|take out|"
                r"have)\b[^.;]{0,140}\b(?:insurance|coverage)"
            ),
            (
                r"\binsurance\b[^.;]{0,140}\b(?:shall be|to be|must be|is) (?:maintained|carried|provided|"
                r"obtained|kept|in (?:full )?(?:force|effect)|procured)"
            ),
            r"\b(?:commercial|comprehensive) general liability\b",
            r"\b(?:named|additional|additionally) (?:as (?:an )?)?(?:additional )?insured",
            r"\bcertificates? of insurance\b",
            r"\bworkers'? compensation insurance\b",
        ),
        unless=(
            r"insurance compan(?:y|ies) (?:shall|will)|title insurance|health insurance benefits|"
            r"applications? for insurance|insurance (?:contracts|products|policies) (?:for which|issued)"
        ),
    ),
    Rule(
        "Audit Rights",
        ("audit", "inspect", "examin", "review", "access"),
        (
            (
                r"\baudit(?:s|ed|ing)?\b[^.;]{0,160}\b(?:books|records|accounts?|statements?|complian\w+|premises|"
                r"facilit\w+|right|performance|documentation)"
            ),
            r"\bright (?:\w+ ){0,4}to (?:\w+,? ){0,3}(?:audit|inspect|examine)\b",
            (
                r"\b(?:inspect|examine|review|access to)\b[^.;]{0,100}\b(?:books|records|accounts|financial "
                r"(?:records|data))\b"
            ),
            (
                r"\b(?:books|records|accounts)\b[^.;]{0,160}\b(?:available for|open (?:for|to)|subject "
                r"to)\b[^.;]{0,60}\b(?:inspection|audit|examination|review)"
            ),
            r"\b(?:books|records|accounts)\b[^.;]{0,80}\b(?:examined|inspected|audited|reviewed)\b",
            r"\bpermit\b[^.;]{0,80}\b(?:reasonable )?access (?:during|at)\b",
            r"\b(?:inspection|examination|access)\b[^.;]{0,60}\b(?:books|records|accounts)\b",
            r"\b(?:inspect|audit|visit)\b[^.;]{0,60}\b(?:facilit(?:y|ies)|premises|plants?|manufacturing)\b",
        ),
        unless=(
            r"audited financial statements|independent (?:registered )?(?:public )?(?:auditor|accounting "
            r"firm) (?:of|for) the (?:fund|company)|right to inspect (?:the )?(?:products?|goods|shipment)"
        ),
    ),
    Rule(
        "Warranty Duration",
        ("warrant",),
        (
            (
                r"\bwarrant\w*[^.;]{0,250}\bfor (?:a |the )?(?:period|term|duration)? ?(?:of )?(?:\w+[- ]?\w* "
                r"?\(?\d*\)?|\[\*+\]|\d+)[- ]?(?:days?|months?|years?)\b"
            ),
            r"\bwarranty (?:period|term)\b",
            r"\bwarranty (?:\w+ ){0,2}of (?:[\w-]+ )?\(?\d*\)?[- ]?(?:days|months|years?)\b",
            (
                r"\b(?:\d+|one|two|three|six|ninety|twelve|twenty-four|eighteen)(?: \(\d+\))?[- ](?:days?|months?|"
                r"years?) (?:\w+ ){0,3}warranty\b"
            ),
            (
                r"\bwarrant(?:y|s|ed|ies)\b[^.;]{0,200}\b(?:within|for|until|expires?)\b[^.;]{0,40}\b(?:days?|"
                r"months?|years?) (?:from|after|of|following)[^.;]{0,60}\b(?:delivery|shipment|acceptance|"
                r"installation|purchase|receipt|date of)"
            ),
        ),
        unless=r"represents and warrants that|surviv\w+ (?:of )?(?:the )?(?:closing|termination)|shelf",
    ),
    Rule(
        "Revenue/Profit Sharing",
        ("shar", "%", "percent", "royalt", "commission", "revenue", "profit", "proceeds", "fees"),
        (
            r"\b(?:revenue|profit|fee|gross margin)s?[- ]?shar(?:e|ing)\b",
            r"\b(?:revenues?|profits?|proceeds) (?:shall|will) be (?:split|divided|shared|allocated)\b",
            r"\bshare (?:(?:of|in) )?(?:\w+ ){0,4}(?:revenues?|profits?|proceeds|income|fees|margins?|savings)\b",
            (
                r"(?:\d\s?%|\bpercent|\]\s?%|\*\s?%|percentage|%\s?\))[^.;]{0,120}\b(?:revenues?|profits?|net "
                r"sales|gross sales|"
                r"sales|receipts|net income|proceeds|commissions?|selling price|sales price|premiums?|margins?|"
                r"(?:fees|amounts?) (?:received|collected|billed|invoiced))\b"
            ),
            r"\broyalt(?:y|ies)\b[^.;]{0,100}\b(?:equal to|of|at|rate|on)\b[^.;]{0,60}(?:%|\bpercent|\$|\[)",
            r"\b(?:pay|receive|earn|entitled to|paid)\b[^.;]{0,60}\b(?:commission|royalt)\w*\b",
            (
                r"\bcommission\w*\b[^.;]{0,100}(?:%|\bpercent)|\b(?:entitled to|receive) all (?:\w+ "
                r"){0,2}(?:revenue|profit)s?\b"
            ),
        ),
        unless=(
            r"\binterest (?:at|rate|of)|rate of interest|\blate (?:fee|payment|charge)|\bliab|royalty-free|"
            r"\baudit|understat|underpa|"
            r"\btax(?:es)? (?:on|of)|beneficial|\bvoting|outstanding shares|market share"
        ),
    ),
)
