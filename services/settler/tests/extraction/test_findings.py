"""Each finder sees what contracts say in their many ways, and is silent where they say nothing."""

from datetime import date

import pytest

from jobforge.documents.document import joined
from jobforge.settler.extraction.analysis import Analysis, analyse


def analysed(text: str) -> Analysis:
    return analyse(joined([text], file_format="text"), "full")


def opening(parties: str) -> list[tuple[str, str | None]]:
    text = f"THIS SUPPLY AGREEMENT is made as of May 4, 2010 by and between {parties} WHEREAS, both wish to trade;"
    return [(party.name, party.role) for party in analysed(text).parties]


@pytest.mark.parametrize(
    ("says", "law"),
    [
        ("This Agreement shall be governed by the laws of the State of Texas.", "Texas"),
        (
            ("This Agreement is governed by, and construed under, the internal laws of the Commonwealth of Virginia."),
            "Virginia",
        ),
        ("Governing Law. The laws of Florida shall govern this Agreement.", "Florida"),
        ("The terms of this Agreement shall be construed in accordance with English law.", "England"),
        ("This contract shall be governed by the laws of the Province of Ontario.", "Ontario, Canada"),
        ("THIS AGREEMENT SHALL BE GOVERNED BY NEW YORK LAW.", "New York"),
        ("Supplier is organized and existing under the laws of the State of Delaware.", None),
        ("Each party shall comply with all laws of the United States.", None),
    ],
)
def test_the_governing_law_is_the_one_that_governs(says: str, law: str | None) -> None:
    """Not the law under which a party is organised."""
    assert analysed(f"SUPPLY AGREEMENT. {says}").governing_law == law


def test_parties_come_with_their_roles() -> None:
    """A role is the defined term that is no abbreviation of the name."""
    assert opening(
        'Premier Foods Company, LLC, a Delaware limited liability company ("Buyer" or "PFC"), and Milk (USA) Inc., '
        'a California corporation with its office at 8700 Bryn Road, Chicago ("Supplier" or "Milk").'
    ) == [("Premier Foods Company, LLC", "Buyer"), ("Milk (USA) Inc.", "Supplier")]


def test_parties_may_be_named_after_hereinafter() -> None:
    """Without parentheses."""
    assert opening(
        'ALPHA GAS COMPANY, a Delaware corporation, hereinafter referred to as "Transporter" and BETA ELECTRIC, INC., '
        'hereinafter called "Shipper."'
    ) == [("ALPHA GAS COMPANY", "Transporter"), ("BETA ELECTRIC, INC.", "Shipper")]


def test_institutions_are_parties_without_a_legal_form() -> None:
    """The defined term shows that somebody is meant."""
    assert opening(
        'Lion Bio, Inc. ("LBIO"), and The University of Texas M. D. Anderson Cancer Center ("MD Anderson"), '
        'each a "Party".'
    ) == [("Lion Bio, Inc.", "LBIO"), ("The University of Texas M. D. Anderson Cancer Center", "MD Anderson")]


def test_signatures_name_the_parties_where_the_opening_does_not() -> None:
    """Those who sign for themselves, not those through whom they sign."""
    analysis = analysed(
        "JOINT FILING AGREEMENT\n\nThe undersigned agree to file together.\n\nIN WITNESS WHEREOF, the undersigned "
        "execute this Agreement as of February 20, 2020.\n\nALPHA FUND LP\n\nBy: Alpha Partners LLC, its "
        "general partner"
        "\n\nBy: /s/ A. Smith\n\nBETA CAPITAL LLC\n\nBy: /s/ B. Jones\n"
    )
    assert [party.name for party in analysis.parties] == ["ALPHA FUND LP", "BETA CAPITAL LLC"]
    assert analysis.agreement_date == date(2020, 2, 20)


@pytest.mark.parametrize(
    ("says", "made", "effective"),
    [
        ('is dated as of May 4, 2010 (the "Effective Date") between', date(2010, 5, 4), date(2010, 5, 4)),
        (
            "is made this 4th day of May, 2010, and effective as of June 1, 2010, between",
            date(2010, 5, 4),
            date(2010, 6, 1),
        ),
        ("is made as of May 4, 2010 between", date(2010, 5, 4), None),
        ("is made as of ____ __, 2010 between", None, None),
    ],
)
def test_made_and_effective_are_two_dates(says: str, made: date | None, effective: date | None) -> None:
    """They are equal only where the contract says so."""
    analysis = analysed(f"This Supply Agreement {says} A Corp. and B Corp. WHEREAS, they trade;")
    assert (analysis.agreement_date, analysis.effective_date) == (made, effective)


@pytest.mark.parametrize(
    ("says", "expires", "perpetual"),
    [
        (
            "The term of this Agreement shall commence on the Effective Date and expire on December 31, 2015.",
            date(2015, 12, 31),
            False,
        ),
        ("The initial term of this Agreement is five (5) years from the Effective Date.", date(2015, 5, 4), False),
        (
            ("This Agreement shall commence on the Effective Date and continue until the third anniversary thereof."),
            date(2013, 5, 4),
            False,
        ),
        ("This Agreement shall remain in effect until terminated by either party upon thirty days notice.", None, True),
        ("The obligations of confidentiality shall survive for a period of five (5) years.", None, False),
    ],
)
def test_the_term_ends_when_it_says(says: str, expires: date | None, perpetual: bool) -> None:
    """On a date, after a time, or never; other periods are none of the contract's term."""
    analysis = analysed(
        'This Supply Agreement is made as of May 4, 2010 (the "Effective Date") between A Corp. and B Corp. '
        f"WHEREAS, they trade; 1. {says} 2. Notices shall be given in writing."
    )
    assert (analysis.expiration_date, analysis.perpetual) == (expires, perpetual)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("non_compete", "During the Term, Distributor shall not sell any product which competes with the Products."),
        ("exclusivity", "Supplier appoints Distributor as its exclusive distributor in the Territory."),
        ("no_solicit_of_employees", "Neither party shall solicit or hire any employee of the other party."),
        ("termination_for_convenience", "Either party may terminate this Agreement at any time without cause."),
        ("change_of_control", "Buyer may terminate this Agreement upon a change of control of Supplier."),
        ("anti_assignment", "Neither party may assign this Agreement without the other's prior written consent."),
        ("minimum_commitment", "Buyer shall purchase at least 5,000 units in each calendar year."),
        ("license_grant", "Licensor hereby grants to Licensee a non-exclusive license to use the Marks."),
        ("cap_on_liability", "Supplier's liability shall not exceed the amounts paid hereunder."),
        ("liquidated_damages", "Supplier shall pay such amount as liquidated damages and not as a penalty."),
        ("insurance", "Supplier shall maintain commercial general liability insurance."),
        ("audit_rights", "Buyer shall have the right to audit the books and records of Supplier."),
        ("warranty_duration", "Supplier warrants the Products against defects for a period of twelve (12) months."),
        ("revenue_profit_sharing", "Publisher shall pay Author 15% of all net revenues from the Works."),
    ],
)
def test_each_kind_of_clause_is_recognised(name: str, says: str) -> None:
    """By a sentence as contracts write it, and that sentence is the evidence."""
    analysis = analysed(f"This Agreement is made between the parties.\n\n{says}\n\nNotices shall be in writing.")
    found = {clause.name for clause in analysis.clauses if clause.present}
    assert name in found
    evidence = analysis.evidence(f"clauses.{name}")
    assert evidence is not None
    assert evidence.quote == says


@pytest.mark.parametrize(
    "says",
    [
        "Supplier grants a non-exclusive right to sell.",
        "The courts of New York have exclusive jurisdiction.",
        "Nothing in this Agreement grants any license to use the Marks.",
        "Either party may terminate this Agreement upon thirty days notice if the other is in material breach.",
    ],
)
def test_what_only_sounds_like_a_clause_is_none(says: str) -> None:
    """Non-exclusive rights, jurisdiction, denied licences, termination for cause."""
    doubtful = {"exclusivity", "license_grant", "termination_for_convenience", "non_compete"}
    assert not {clause.name for clause in analysed(says).clauses if clause.present} & doubtful
