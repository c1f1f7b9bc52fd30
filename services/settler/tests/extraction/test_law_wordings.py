"""Under which law a contract stands, in the many ways that contracts word it."""

import pytest

from jobforge.settler.extraction.law import find_governing_law
from jobforge.settler.extraction.passage import flatten


def law_of(says: str) -> str | None:
    found = find_governing_law(
        flatten(f"1. Services. The parties shall cooperate.\n\n{says}\n\n3. Notices. In writing.\n")
    )
    return found.value if found else None


@pytest.mark.parametrize(
    "sentence",
    [
        "This Agreement shall be {}.",
        "14. Governing Law. This Agreement is {}.",
        "APPLICABLE LAW\n\nThe validity and construction of this contract shall be {}.",
    ],
)
@pytest.mark.parametrize(
    ("says", "law"),
    [
        ("governed by Delaware law", "Delaware"),
        (
            (
                "governed by and construed in accordance with the laws of the State of New York, without regard to "
                "conflicts"
            ),
            "New York",
        ),
        ("governed by the laws of England", "England"),
        ("governed by the internal laws (and not the law of conflicts) of the State of Ohio", "Ohio"),
        ("governed by the laws of The Commonwealth of Massachusetts", "Massachusetts"),
        ("governed by the laws of the People's Republic of China", "People's Republic of China"),
        ("governed by the substantive law of Switzerland", "Switzerland"),
        (
            "governed by the laws of the Province of Ontario and the federal laws of Canada applicable therein",
            "Ontario, Canada",
        ),
        ("governed by the laws of Hong Kong SAR", "Hong Kong"),
        ("governed by the law of the State of Israel", "Israel"),
        ("governed by the law of the Federal Republic of Germany", "Germany"),
        ("governed by the laws and regulations of the PRC", "People's Republic of China"),
        ("construed under the laws in force in the State of Victoria", "Victoria"),
        ("construed pursuant to the laws of Taiwan, R.O.C", "Taiwan"),
        ("governed by the laws of Estonia", "Estonia"),
        ("governed by the laws of Costa Rica", "Costa Rica"),
        ("governed by the statutes and laws of the state of Nevada", "Nevada"),
        ("subject to the laws of the State of Texas", "Texas"),
        ("interpreted under the law of the Grand Duchy of Luxembourg", "Luxembourg"),
        ("governed by the laws of the Hong Kong Special Administrative Region", "Hong Kong"),
        ("governed by the laws of the Kingdom of Saudi Arabia", "Saudi Arabia"),
        ("governed by New York State law", "New York"),
        ("governed, construed and enforced in accordance with the laws of the STATE OF WASHINGTON", "Washington"),
        ("governed by the laws of the United States of America", "United States of America"),
        ("governed by the laws of the U.S. State of Georgia", "Georgia"),
        ("governed by the laws applicable in the Province of Quebec", "Quebec, Canada"),
        ("governed by the laws of the Republic of Singapore", "Singapore"),
        ("governed by the laws of Kazakhstan", "Kazakhstan"),
        ("governed by the laws of the Republic of the Philippines", "Philippines"),
        (
            (
                "governed by the laws of the State of Delaware applicable to contracts made in Delaware, except "
                "that matters of patents are governed by the laws of the United States"
            ),
            "Delaware",
        ),
        ("governed by the laws of the Republic of Ireland", "Ireland"),
        ("governed by the laws of the Cayman Islands", "Cayman Islands"),
        (
            "governed by the laws of the State of Minnesota (without giving effect to its conflict of law principles)",
            "Minnesota",
        ),
        (
            "governed by and interpreted in accordance with the General Obligations Law of the State of New York",
            "New York",
        ),
        ("governed by the laws of the country of Germany", "Germany"),
        ("governed by Minnesota's laws", "Minnesota"),
        ("governed by the State of Florida's laws", "Florida"),
        ("governed by Dutch law", "Netherlands"),
        ("governed by the laws of the United Mexican States", "Mexico"),
        ("governed by the laws of the Republic of Korea", "Korea"),
        ("governed by laws of Japan", "Japan"),
    ],
)
def test_the_law_is_the_place_that_is_named(says: str, law: str, sentence: str) -> None:
    """States, provinces and countries, with or without what lawyers put around them."""
    found = law_of(sentence.format(says))
    assert found is not None
    assert law in found


@pytest.mark.parametrize(
    ("says", "law"),
    [
        ("The laws of Texas shall govern this Agreement.", "Texas"),
        ("New York law governs.", "New York"),
        ("Governing Law: California.", "California"),
        ("15. Governing Law. California.", "California"),
        ("The law of the State of Utah shall control the interpretation of this Agreement.", "Utah"),
        ("This Agreement is a Nevada contract and shall be so construed.", None),
        ("Law. The parties choose the law of Sweden.", "Sweden"),
        ("This Agreement shall be governed by the law of the State in which Acme has its seat.", None),
        ("Acme is organized under the laws of the State of Nevada.", None),
        ("Acme complies with the laws of Mexico.", None),
        ("Governing law and venue. Arizona law applies.", "Arizona"),
        ("The governing law of this Agreement is the law of Finland.", "Finland"),
        (
            (
                "All questions concerning the construction, validity and interpretation of this Agreement will be "
                "governed by the domestic law, without giving effect to any choice of law provision, of the State "
                "of Illinois."
            ),
            "Illinois",
        ),
        (
            (
                "This Agreement shall be governed in all respects, including validity, interpretation and effect, "
                "by, and shall be enforceable in accordance with, the internal laws of the State of Maryland."
            ),
            "Maryland",
        ),
        ("The rights and obligations of the parties shall be determined in accordance with Oregon law.", "Oregon"),
    ],
)
def test_a_law_may_govern_in_any_order_of_words(says: str, law: str | None) -> None:
    """And a law that is only mentioned does not govern."""
    assert law_of(says) == law
