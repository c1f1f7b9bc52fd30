"""When a contract begins and ends, in the many ways that contracts word it."""

from datetime import date

import pytest

from jobforge.documents.document import joined
from jobforge.settler.extraction.analysis import Analysis, analyse

OPENING = """SERVICES AGREEMENT

This Services Agreement (the "Agreement") is made as of March 1, 2010{effective} by and between Acme Widgets, Inc., a
Delaware corporation ("Acme"), and Birch Supply LLC, a Texas limited liability company ("Birch").

WHEREAS, the parties wish to cooperate;

1. Services. The parties shall cooperate in good faith.

"""


def analysed(says: str, *, effective: str = "") -> Analysis:
    text = f"{OPENING.format(effective=effective)}{says}\n\n3. Notices. Notices shall be in writing.\n"
    return analyse(joined([text], file_format="text"), "full")


@pytest.mark.parametrize(
    "says",
    [
        "This Agreement shall become effective on March 15, 2010.",
        'This Agreement shall be effective as of March 15, 2010 (the "Effective Date").',
        '"Effective Date" means March 15, 2010.',
        "The Effective Date of this Agreement is March 15, 2010.",
        "The effective date of this Agreement shall be March 15, 2010.",
        "This Agreement shall take effect on March 15, 2010.",
        "This Agreement takes effect on March 15, 2010.",
        "This Agreement shall come into force on March 15, 2010.",
        "The term of this Agreement shall commence on March 15, 2010 and continue for two years.",
        "This Agreement shall commence March 15, 2010 and shall remain in effect until terminated.",
        'The Initial Term shall begin on March 15, 2010 (the "Commencement Date").',
        "This Agreement will be in effect from March 15, 2010 until terminated.",
        '1.3 "Effective Date" shall mean March 15, 2010.',
        "This Agreement is effective March 15, 2010.",
        "This Agreement shall be deemed effective as of March 15, 2010.",
        "The term of this Agreement shall begin on March 15, 2010, and end on March 14, 2013.",
        '"Commencement Date" shall mean March 15, 2010.',
        "This contract enters into force as of March 15, 2010.",
        'The "Effective Date" of this Agreement shall be deemed to be March 15, 2010.',
        "Effective Date: March 15, 2010",
        "The parties agree that this Agreement shall have an effective date of March 15, 2010.",
        "This Agreement becomes effective at 12:01 a.m. on March 15, 2010.",
        "This Agreement shall be in force for the period from March 15, 2010 to March 14, 2013.",
    ],
)
def test_the_effective_date_is_the_one_that_the_text_calls_so(says: str) -> None:
    """Not the day on which the contract was made."""
    assert analysed(f"2. {says}").effective_date == date(2010, 3, 15)


@pytest.mark.parametrize(
    ("says", "effective"),
    [
        ("This Agreement shall be effective on the date first written above.", date(2010, 3, 1)),
        ("This Agreement is effective as of the date hereof.", date(2010, 3, 1)),
        ('"Effective Date" means the date of this Agreement.', date(2010, 3, 1)),
        ('The "Effective Date" shall be the date first set forth above.', date(2010, 3, 1)),
        ("This Agreement shall take effect upon the date of its execution.", date(2010, 3, 1)),
        ("This Agreement shall become effective upon the signing by both parties.", date(2010, 3, 1)),
        ("The parties shall insure the goods from January 5, 2011.", None),
        ("The Prior Agreement became effective on January 5, 2009.", None),
        ("The Supplier's price list effective January 5, 2009 applies.", None),
        ("Taxes are due from January 5, 2009.", None),
        (
            'Birch has entered into a Hosting Agreement dated January 5, 2011 (the "Effective Date").',
            None,
        ),
    ],
)
def test_the_effective_date_may_be_that_of_the_contract_and_never_that_of_something_else(
    says: str, effective: date | None
) -> None:
    """Insurance, prices, taxes and other agreements have days of their own."""
    assert analysed(f"2. {says}").effective_date == effective


@pytest.mark.parametrize("heading", ["2. Term. ", "2. TERM AND TERMINATION\n\n2.1 ", "9. "])
@pytest.mark.parametrize(
    ("says", "ends"),
    [
        (
            (
                "The term of this Agreement shall commence on the Effective Date and continue for five (5) years "
                "thereafter."
            ),
            date(2015, 3, 1),
        ),
        ("This Agreement shall expire on the third anniversary of the Effective Date.", date(2013, 3, 1)),
        (
            "This Agreement will continue in effect for a period of eighteen (18) months from the date hereof.",
            date(2011, 9, 1),
        ),
        ("This Agreement shall remain in effect through December 31, 2015.", date(2015, 12, 31)),
        ("This Agreement shall continue until midnight on the 30th day of June, 2013.", date(2013, 6, 30)),
        ("The term of this Agreement shall be ten years.", date(2020, 3, 1)),
        ("This Agreement shall have a term of ten (10) years from the Effective Date.", date(2020, 3, 1)),
        (
            "The initial term of this Agreement is a twenty-four (24) month period beginning on the Effective Date.",
            date(2012, 3, 1),
        ),
        (
            "Unless earlier terminated, this Agreement shall remain in full force and effect for a period of one year.",
            date(2011, 3, 1),
        ),
        ("This Agreement shall terminate five years after the Effective Date.", date(2015, 3, 1)),
        ("The Term shall expire three (3) years from the Effective Date.", date(2013, 3, 1)),
        ("Term: three years from the Effective Date.", date(2013, 3, 1)),
        ("Initial Term: 3 years", date(2013, 3, 1)),
        ("The duration of this Agreement is 2 years.", date(2012, 3, 1)),
        ("This Agreement is valid for three (3) years as of the date of signature.", date(2013, 3, 1)),
        ("This Agreement is valid until December 31, 2012.", date(2012, 12, 31)),
        ("The term hereof shall be for a period of two (2) years commencing on the date hereof.", date(2012, 3, 1)),
        (
            (
                "This Agreement shall be for an initial term of one (1) year, and shall automatically renew for "
                "successive one-year terms."
            ),
            date(2011, 3, 1),
        ),
        (
            (
                'Subject to earlier termination as provided herein, the term of this Agreement (the "Term") shall '
                "begin on the Effective Date and end on the date that is four (4) years after the Effective Date."
            ),
            date(2014, 3, 1),
        ),
        (
            "This Agreement commences on the Effective Date and ends on February 28, 2014, unless terminated earlier.",
            date(2014, 2, 28),
        ),
        ("The Term of this Agreement shall be from April 1, 2010 to March 31, 2013.", date(2013, 3, 31)),
        ("The Term commences April 1, 2010, and continues for thirty-six (36) months.", date(2013, 4, 1)),
        (
            (
                'This Agreement shall be effective for five years from the Effective Date (the "Initial Term") and '
                "may be renewed by mutual agreement."
            ),
            date(2015, 3, 1),
        ),
        ("The term of this Agreement is for three Contract Years.", date(2013, 3, 1)),
        ("This Agreement shall run for a term of 5 years.", date(2015, 3, 1)),
        ("The License term shall be seven (7) years from the Effective Date.", date(2017, 3, 1)),
        ("This Agreement will terminate on June 30, 2016.", date(2016, 6, 30)),
        (
            "The parties agree that this Agreement will expire at the close of business on June 30, 2016.",
            date(2016, 6, 30),
        ),
        (
            (
                "The initial term of this Agreement shall be for the period commencing on the Effective Date and "
                "ending on the fifth (5th) anniversary thereof."
            ),
            date(2015, 3, 1),
        ),
        ("This Agreement shall remain in force for a minimum period of three (3) years.", date(2013, 3, 1)),
        ("The Term of the Agreement is ninety (90) days from the Effective Date.", date(2010, 5, 30)),
        ("This Agreement shall continue in force for twelve calendar months.", date(2011, 3, 1)),
        (
            "This Agreement shall continue in effect for a period of three (3) years following the Effective Date.",
            date(2013, 3, 1),
        ),
        ("This Agreement shall be in effect for two (2) years, commencing on the Effective Date.", date(2012, 3, 1)),
        ("The Agreement shall have an initial term of sixty (60) months.", date(2015, 3, 1)),
    ],
)
def test_the_end_of_the_term_is_given_or_counted(says: str, ends: date, heading: str) -> None:
    """From the effective date, whatever the heading."""
    assert analysed(heading + says, effective=' (the "Effective Date")').expiration_date == ends


@pytest.mark.parametrize(
    ("says", "perpetual"),
    [
        ("This Agreement shall continue until terminated by either party.", True),
        ("This Agreement shall remain in effect until terminated in accordance with Section 9.", True),
        ("This Agreement has no fixed term and shall continue indefinitely.", True),
        ("The license granted herein is perpetual.", False),
        (
            "The confidentiality obligations shall survive for five (5) years after termination of this Agreement.",
            False,
        ),
        ("Either party may terminate this Agreement upon sixty (60) days notice.", False),
        ("Supplier shall keep records for three (3) years after the end of the term of this Agreement.", False),
        ("The warranty period is one (1) year.", False),
        ("Neither party shall compete during the term of this Agreement and for two (2) years thereafter.", False),
        (
            (
                "This Agreement shall terminate automatically if either party becomes insolvent and is not cured "
                "within thirty (30) days."
            ),
            False,
        ),
        ("Invoices under this Agreement are due within thirty (30) days.", False),
    ],
)
def test_a_contract_may_have_no_end_and_other_periods_are_none(says: str, perpetual: bool) -> None:
    """Notice, survival, warranty and payment periods are not the term."""
    analysis = analysed(f"9. {says}", effective=' (the "Effective Date")')
    assert (analysis.expiration_date, analysis.perpetual) == (None, perpetual)
