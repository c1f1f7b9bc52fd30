"""Each kind of clause is known in the many ways that contracts word it, and by nothing that only sounds like it."""

from dataclasses import replace
from pathlib import Path

import pytest

from jobforge.settler.extraction.clauses import RULES, find_clauses
from jobforge.settler.extraction.passage import flatten

SAYS = {
    "non_compete": [
        "Consultant agrees that during the Term and for one year thereafter he will not compete with the Company.",
        (
            "Distributor shall not, directly or indirectly, sell, market or distribute any Competing Products in "
            "the Territory."
        ),
        "During the term hereof, Franchisee shall not own, operate or have any interest in any Competitive Business.",
        "Neither party will develop or offer a product that is competitive with the Products.",
        "Sponsor may not sponsor any other competing event.",
        "Reseller shall not carry products which are directly competitive to the Products.",
        "The Member covenants not to engage in any business similar to the business of the Company within 50 miles.",
        "Manufacturer will not manufacture any similar product for any third party.",
        "Licensor shall not open or operate another restaurant within five miles of the Location.",
        "Agent shall refrain from representing any manufacturer of goods competing with the Goods.",
        "Any such agreement shall prohibit competition among the parties with regard to the Systems.",
    ],
    "exclusivity": [
        "Company hereby appoints Distributor as the sole and exclusive distributor of the Products.",
        "Buyer shall purchase all of its requirements of Product from Seller.",
        "Licensor grants Licensee the exclusive right and license to use the Marks in the Field.",
        "Supplier shall not sell the Product to any third party in the Territory.",
        "During the Term, Client will not engage any other provider for the Services.",
        "Sponsor shall be the exclusive wireless sponsor of the Team.",
        "Customer agrees to use Vendor as its only supplier of the Goods.",
        "MLX will be the sole provider of content to the Site.",
        "The license granted shall be exclusive in the Territory.",
        "Company shall not appoint any other agent in the Territory during the Term.",
        "Athlete shall not endorse any other brand of golf clubs.",
        "ABC will exclusively promote the Service on its home page.",
    ],
    "no_solicit_of_employees": [
        "Neither party shall solicit for employment any employee of the other.",
        "During the Term and for one year thereafter, Client agrees not to hire any personnel of Provider.",
        (
            "Each party will not, directly or indirectly, recruit, induce to leave or employ any person employed "
            "by the other party."
        ),
        "Customer shall not offer employment to Vendor's staff.",
        "Consultant shall not encourage any employee of the Company to leave its employ.",
    ],
    "termination_for_convenience": [
        "Either party may terminate this Agreement for any reason upon thirty (30) days written notice.",
        "Company may terminate this Agreement at any time by giving 60 days' prior written notice.",
        "Customer may cancel this Agreement without cause on ninety days notice.",
        (
            "This Agreement may be terminated by either Party upon ninety (90) days prior written notice to the "
            "other Party."
        ),
        (
            "This Agreement may be terminated at any time, without the payment of any penalty, by the Fund on "
            "sixty days' notice."
        ),
        "Buyer shall have the right to terminate this Agreement, in its sole discretion, upon notice.",
        "This Agreement may be terminated by Sponsor at will.",
        "Licensee may terminate this Agreement in its entirety at any time upon sixty (60) days' notice to Licensor.",
        "This Agreement is terminable at will by either party.",
        (
            "Either party shall be entitled to terminate this Agreement by giving not less than six months' notice "
            "in writing."
        ),
    ],
    "change_of_control": [
        "A change in control of Licensee shall be deemed an assignment.",
        "Company may terminate this Agreement if Distributor is acquired by a competitor.",
        "Any merger, consolidation or sale of substantially all assets of a party shall require consent.",
        "If there is a change of ownership of more than 50% of the stock of Franchisee, Franchisor may terminate.",
        "Either party may terminate upon a Change of Control of the other.",
        (
            "For purposes of this Section, a transfer of a controlling interest in the stock of Agent shall "
            "constitute an assignment requiring consent."
        ),
    ],
    "anti_assignment": [
        "This Agreement may not be assigned by either party without consent.",
        "Neither this Agreement nor any rights hereunder are assignable.",
        "Licensee shall not transfer or sublicense its rights without the prior written approval of Licensor.",
        "Any attempted assignment in violation of this Section shall be void.",
        "The rights of Agent are personal and may not be assigned.",
        "No party may assign its rights or delegate its duties under this Agreement.",
        "Company may assign this Agreement only to an affiliate.",
        "This Agreement is not transferable.",
        "Franchisee may not sell, assign or transfer this Agreement without our consent.",
        "This Agreement will automatically terminate in the event of its assignment.",
    ],
    "minimum_commitment": [
        "Distributor shall purchase a minimum of 500 units per quarter.",
        "Licensee shall pay a minimum annual royalty of $50,000.",
        "Buyer agrees to buy not less than ten (10) systems each year.",
        "The Minimum Purchase Commitment is set out in Exhibit B.",
        "Customer guarantees minimum monthly billings of $10,000.",
        "Publisher guarantees at least 1,000,000 impressions per month.",
        "Shipper shall deliver no less than 20,000 barrels per day.",
        "Client will pay a minimum fee of $5,000 per month.",
        "Distributor must meet the annual sales quotas in Schedule C.",
        "Licensee shall spend at least $100,000 per year on advertising.",
    ],
    "license_grant": [
        "Licensor grants to Licensee a limited, revocable license to use the Software.",
        "Company hereby grants Distributor the right to use the Trademarks.",
        "Subject to the terms hereof, ABC hereby licenses the Content to XYZ.",
        "XYZ is hereby granted a worldwide license under the Patents.",
        "Franchisor grants you the right and license to operate a Restaurant using the System.",
        "Athlete grants to Company the right to use his name and likeness.",
        "Customer shall have a non-exclusive, non-transferable license to use the Documentation.",
        "Each party grants the other a license to its Marks for the purposes of this Agreement.",
        "Reseller is hereunder licensed to market the Portals.",
    ],
    "cap_on_liability": [
        "In no event shall either party be liable for any indirect, special or consequential damages.",
        "Supplier's total liability under this Agreement shall not exceed the fees paid in the prior twelve months.",
        "Neither party shall be responsible to the other for lost profits.",
        "The liability of Vendor is limited to the purchase price of the Product.",
        "Any claim must be brought within one year after the cause of action arises.",
        "Provider's aggregate liability is capped at $100,000.",
        "EXCEPT FOR INDEMNIFICATION, NEITHER PARTY WILL BE LIABLE FOR CONSEQUENTIAL DAMAGES.",
        (
            "Buyer's sole and exclusive remedy shall be repair or replacement, and Seller shall have no liability "
            "beyond the price paid."
        ),
    ],
    "liquidated_damages": [
        "The parties agree that such sum is liquidated damages and not a penalty.",
        "Upon early termination Customer shall pay an early termination fee of $10,000.",
        "If Supplier is late, it shall pay 1% of the price for each week of delay as agreed damages.",
        "Company shall pay a termination payment equal to six months' fees.",
        "A break-up fee of $1,000,000 shall be payable.",
    ],
    "insurance": [
        "Contractor shall at its expense maintain general liability insurance with limits of $1,000,000.",
        "Each party shall carry workers' compensation insurance as required by law.",
        "Company shall be named as an additional insured.",
        "Licensee agrees to obtain product liability insurance.",
        "Agent shall provide evidence of errors and omissions coverage.",
        "A certificate of insurance shall be furnished upon request.",
    ],
    "audit_rights": [
        "Licensor may audit Licensee's books and records upon reasonable notice.",
        "Licensee shall keep accurate records and make them available for inspection by Licensor.",
        "Company shall have the right to inspect the facilities of Manufacturer.",
        (
            "Buyer or its representatives may, at any time during business hours, examine the records of Seller "
            "relating to this Agreement."
        ),
        "An independent certified public accountant may inspect the books of account.",
        "Franchisor shall have access to the Restaurant's books at all reasonable times.",
        "Licensee shall permit such records to be examined by Licensor upon notice.",
        "Vendor shall permit Member or its designees reasonable access during normal business hours.",
    ],
    "warranty_duration": [
        "Seller warrants the Equipment against defects for 12 months from delivery.",
        "The warranty period shall be two years from acceptance.",
        "Vendor provides a one-year warranty on parts and labor.",
        "All goods carry a warranty of eighteen (18) months from the date of shipment.",
        (
            "Supplier warrants that for a period of one (1) year following delivery the Products will conform to "
            "the Specifications."
        ),
    ],
    "revenue_profit_sharing": [
        "Company shall pay Affiliate 30% of net revenue.",
        "The parties shall share profits equally.",
        "Licensee shall pay a royalty of five percent (5%) of Net Sales.",
        "Agent shall receive a commission of 10% on all sales.",
        "Net advertising revenue will be split 50/50 between the parties.",
        "Each party shall receive fifty percent (50%) of the proceeds.",
        "Franchisee shall pay a continuing royalty fee equal to 6% of Gross Sales.",
        "ABC will pay XYZ a referral fee of 15% of the amounts collected.",
    ],
}
SAYS_NOT = {
    "non_compete": [
        "Nothing herein shall prevent either party from competing with the other.",
        "The Products are sold in a competitive market.",
        "Prices shall be competitive with those of other suppliers.",
    ],
    "exclusivity": [
        "The rights granted herein are non-exclusive.",
        "The courts of Ohio shall have exclusive jurisdiction.",
        "This warranty is exclusive and in lieu of all others.",
        "Licensor is the exclusive owner of the Marks.",
        "This remedy is the sole and exclusive remedy.",
        "Such Confidential Information shall be used exclusively for the purposes of this Agreement.",
        "Each Sponsor may decide in its discretion, taking into account only such Sponsor's own views.",
    ],
    "no_solicit_of_employees": [
        "Supplier's employees shall not be deemed employees of Buyer.",
        "Neither party shall engage in discrimination against any employee.",
        "Contractor shall not pay gifts to employees of the Company.",
    ],
    "termination_for_convenience": [
        "Either party may terminate this Agreement if the other breaches and fails to cure within 30 days.",
        "Company may terminate immediately upon the insolvency of Distributor.",
        "Upon termination of this Agreement for any reason, all rights revert to Licensor.",
    ],
    "change_of_control": [
        "This Agreement shall bind successors and assigns.",
        '"Affiliate" means any entity that controls or is under common control with a party.',
    ],
    "anti_assignment": [
        "Contractor shall assign to Company all inventions.",
        "This Agreement binds successors and permitted assigns.",
        "Supplier shall assign qualified personnel to the project.",
    ],
    "minimum_commitment": [
        "Notice of at least thirty days is required.",
        "Insurance shall be in the minimum amount of $1,000,000.",
        "Supplier shall meet minimum quality standards.",
    ],
    "license_grant": [
        "Nothing herein grants any license under any patent.",
        "Contractor shall hold all business licenses.",
        "No license is granted hereby.",
    ],
    "cap_on_liability": [
        "Supplier shall be liable for damage to the goods.",
        "Each party shall indemnify the other from all liabilities.",
    ],
    "liquidated_damages": [
        "Customer may terminate without penalty.",
        "Late payments bear interest at 1% per month.",
        "Supplier is liable for actual damages.",
    ],
    "insurance": [
        "The Company is an insurance company.",
        "Supplier bears the risk of loss.",
    ],
    "audit_rights": [
        "The Company shall deliver audited financial statements.",
        "Buyer may inspect the goods upon delivery and reject them.",
        "Disclosure required by auditors is permitted.",
    ],
    "warranty_duration": [
        "Each party represents and warrants that it has authority.",
        "Supplier warrants good title.",
        "EXCEPT AS STATED, THERE ARE NO WARRANTIES.",
    ],
    "revenue_profit_sharing": [
        "Late payments bear interest at 1.5% per month.",
        "Buyer shall pay all sales taxes.",
        "Affiliate means an entity with 50% of voting shares.",
        "Customer shall pay a monthly fee of $500.",
        "Fees for training shall be divided equally among the Parties.",
    ],
}


def kinds(sentence: str) -> set[str]:
    flat = flatten(f"This Agreement is made between the parties.\n\n{sentence}\n\nNotices shall be in writing.")
    return {clause.name for clause in find_clauses(flat, passages=1) if clause.present}


@pytest.mark.parametrize(("kind", "sentence"), [(kind, each) for kind, said in SAYS.items() for each in said])
def test_a_sentence_shows_its_kind_of_clause(kind: str, sentence: str) -> None:
    """One sentence is enough."""
    assert kind in kinds(sentence)


@pytest.mark.parametrize(("kind", "sentence"), [(kind, each) for kind, said in SAYS_NOT.items() for each in said])
def test_a_sentence_that_only_sounds_like_a_clause_shows_none(kind: str, sentence: str) -> None:
    """The same words in another sense."""
    assert kind not in kinds(sentence)


def test_sentences_that_are_skipped_hold_nothing(monkeypatch: pytest.MonkeyPatch, data: Path) -> None:
    """A rule finds the same passages when it tries every sentence."""
    every = tuple(replace(rule, mentions=("",)) for rule in RULES)
    sentences = [each for said in (SAYS, SAYS_NOT) for kind in said.values() for each in kind]
    for text in ["\n\n".join(sentences), *(path.read_text(encoding="utf-8") for path in data.glob("*.txt"))]:
        quick = find_clauses(flatten(text), passages=1_000)
        with monkeypatch.context() as patch:
            patch.setattr("jobforge.settler.extraction.clauses.RULES", every)
            assert find_clauses(flatten(text), passages=1_000) == quick
