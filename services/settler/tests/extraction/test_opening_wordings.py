"""Who concludes a contract, and on which day, in the many ways that contracts open."""

from datetime import date

import pytest

from jobforge.documents.document import joined
from jobforge.settler.extraction.analysis import Analysis, analyse

RECITALS = "\n\nWHEREAS, the parties wish to cooperate;\n\n1. Services. The parties shall cooperate.\n\n"
MADE = "THIS AGREEMENT is made as of March 15, 2010"
BETWEEN = 'by and between Acme Widgets, Inc., a Delaware corporation ("Acme"), and Birch Supply LLC ("Birch").'


def analysed(opening: str) -> Analysis:
    return analyse(joined([f"\n\n{opening}{RECITALS}"], file_format="text"), "full")


@pytest.mark.parametrize(
    ("opening", "names"),
    [
        (
            (
                f"{MADE} by and between International Business Machines Corporation, a New York corporation with "
                'offices at Armonk, New York ("IBM"), and Jane Q. Smith, an individual residing in Boston '
                '("Consultant").'
            ),
            ["International Business Machines Corporation", "Jane Q. Smith"],
        ),
        (
            (
                f'{MADE} between Smith & Sons, Inc. ("Smith"), Jones Brothers, Ltd. ("Jones") and The Regents of '
                'the University of California ("University").'
            ),
            ["Smith & Sons, Inc.", "Jones Brothers, Ltd.", "The Regents of the University of California"],
        ),
        (
            (
                f"{MADE} by and among ALPHA HOLDINGS, L.P., a Delaware limited partnership (together with its "
                'affiliates, "Alpha"), BETA, N.A., a national banking association, as agent ("Agent"), and GAMMA '
                'S.A. DE C.V. ("Gamma").'
            ),
            ["ALPHA HOLDINGS, L.P.", "BETA, N.A.", "GAMMA S.A. DE C.V."],
        ),
        (
            (
                f"{MADE} between Deutsche Telekom AG, a stock corporation organized under the laws of Germany "
                '("DT"), and Société Générale S.A. ("SG").'
            ),
            ["Deutsche Telekom AG", "Société Générale S.A."],
        ),
        (
            (
                f'{MADE} between the City of Springfield, a municipal corporation (the "City"), and Waste Haulers '
                'of America, Inc. (the "Contractor").'
            ),
            ["City of Springfield", "Waste Haulers of America, Inc."],
        ),
        (
            (
                f'{MADE} by and between eBay Inc., a Delaware corporation ("eBay"), and priceline.com Incorporated '
                '("priceline").'
            ),
            ["eBay Inc.", "priceline.com Incorporated"],
        ),
        (
            f'{MADE} by and between 3M Company ("3M") and 1-800-FLOWERS.COM, Inc. ("Flowers").',
            ["3M Company", "1-800-FLOWERS.COM, Inc."],
        ),
        (
            (
                f"{MADE} by and between ABC Corp., a corporation organized under the laws of the State of Delaware "
                "and having its principal place of business at 5 Elm St., Suite 4, Troy, MI 48083 (hereinafter "
                'referred to as "ABC" or "Licensor"), on the one hand, and XYZ Corp., a subsidiary of Big '
                'Holdings, Inc. (hereinafter, "Licensee"), on the other hand.'
            ),
            ["ABC Corp.", "XYZ Corp."],
        ),
        (
            (
                f'{MADE} by and between Northern Oil & Gas, Inc., a Minnesota corporation (the "Operator") and '
                'Southern Pipe Line Company, LP (the "Shipper") (each a "Party" and together the "Parties").'
            ),
            ["Northern Oil & Gas, Inc.", "Southern Pipe Line Company, LP"],
        ),
        (
            (
                'This Agreement is between: Foo Pharma Co., Ltd. ("Foo"), and Bar Biotech Pty Ltd (ACN 123 456 '
                '789) ("Bar").'
            ),
            ["Foo Pharma Co., Ltd.", "Bar Biotech Pty Ltd"],
        ),
        (
            (
                "AGREEMENT\n\nBETWEEN\n\nALPHA MOTORS, INC.\n\nAND\n\nBETA PARTS LLC\n\nDated March 15, "
                "2010\n\nTABLE OF CONTENTS\n\n1. Definitions\n\n2. Supply\n\nSUPPLY AGREEMENT\n\nThis Supply "
                'Agreement, dated March 15, 2010, is made between Alpha Motors, Inc. ("Alpha") and Beta Parts LLC '
                '("Beta").'
            ),
            ["Alpha Motors, Inc.", "Beta Parts LLC"],
        ),
        (
            (
                "STRATEGIC ALLIANCE AGREEMENT\n\nThis Agreement is entered into between\n\nFoo Telecom Limited\n1 "
                'Main Road\nLondon\n\n(hereinafter "Foo")\n\nand\n\nBar Networks GmbH\nHauptstr. '
                '2\nBerlin\n\n(hereinafter "Bar")\n'
            ),
            ["Foo Telecom Limited", "Bar Networks GmbH"],
        ),
        (
            (
                f"{MADE} by and between PhotoMedex, Inc., a Delaware corporation, having a principal place of "
                'business at 147 Keystone Drive ("PhotoMedex"), and Edge Systems, a California company ("Edge").'
            ),
            ["PhotoMedex, Inc.", "Edge Systems"],
        ),
        (
            (
                f"{MADE} by and between Licensor and Licensee, whose names appear below.\n\nLicensor: Foo Brands "
                "Inc.\n\nLicensee: Bar Stores LLC"
            ),
            ["Foo Brands Inc.", "Bar Stores LLC"],
        ),
        (
            (
                f"{MADE} by and between VERIZON COMMUNICATIONS INC. on behalf of itself and its affiliates "
                '("Verizon") and AT&T Corp. ("AT&T").'
            ),
            ["VERIZON COMMUNICATIONS INC.", "AT&T Corp."],
        ),
        (
            (
                f"{MADE} between Pizza Fusion Holdings, Inc., a Florida corporation (referred to in this Agreement "
                'as "we", "us" or "our") and Bob Roe (referred to in this Agreement as "you" or "Franchisee").'
            ),
            ["Pizza Fusion Holdings, Inc.", "Bob Roe"],
        ),
        (
            f'{MADE} by and between THE FIRST NATIONAL BANK OF OMAHA ("Bank") and Nebraska Book Company, Inc. ("NBC").',
            ["THE FIRST NATIONAL BANK OF OMAHA", "Nebraska Book Company, Inc."],
        ),
        (
            (
                f"{MADE} by and between Foo, Inc. (formerly known as Foo Holdings, Inc.), a Nevada corporation "
                '("Foo") and Bar, LLC, d/b/a Bar Services ("Bar").'
            ),
            ["Foo, Inc.", "Bar, LLC"],
        ),
        (f'{MADE} between Foo Inc ("Foo") , and Bar International Co ("Bar") .', ["Foo Inc", "Bar International Co"]),
        (
            (
                'THIS INTELLECTUAL PROPERTY AGREEMENT (this "Agreement") dated as of March 15, 2010 is entered '
                'into by and among Foo Corp., a Delaware corporation ("Parent"), Foo Sub LLC, a Delaware limited '
                'liability company ("Sub" and, together with Parent, the "Foo Parties"), and Bar Corp., a Nevada '
                'corporation (the "Purchaser").'
            ),
            ["Foo Corp.", "Foo Sub LLC", "Bar Corp."],
        ),
        (
            (
                "OUTSOURCING AGREEMENT\n\nNo. 1234\n\nThe Parties:\n\nFoo Services Ltd., legally represented by "
                'its director Mr. John Roe ("Provider")\n\nand\n\nBar Trading AG, represented by Ms. Jane Doe '
                '("Customer")\n\nhave agreed as follows:'
            ),
            ["Foo Services Ltd.", "Bar Trading AG"],
        ),
        (
            (
                "ENDORSEMENT AGREEMENT\n\nThis agreement is effective March 15, 2010, and is by and between Foo "
                'Golf Company ("Company"), a division of Foo Sports, Inc., and Tiger Roe ("Athlete").'
            ),
            ["Foo Golf Company", "Tiger Roe"],
        ),
        (
            (
                f'{MADE} by and between Banco Foo S.A., a Brazilian bank ("Foo") and Kabushiki Kaisha Bar, a '
                'Japanese corporation ("Bar").'
            ),
            ["Banco Foo S.A.", "Kabushiki Kaisha Bar"],
        ),
        (
            (
                f"{MADE} by and between Foo Inc., a Delaware corporation having a place of business at 1 Main St, "
                "Boston, MA 02110, and Bar Inc., a California corporation having a place of business at 2 Oak St, "
                "Palo Alto, CA."
            ),
            ["Foo Inc.", "Bar Inc."],
        ),
    ],
)
def test_parties_are_named_in_the_texts_order(opening: str, names: list[str]) -> None:
    """Companies, institutions, cities and persons; nobody who only stands behind them."""
    found = [party.name.removeprefix("the ").removeprefix("The ") for party in analysed(opening).parties]
    assert found == [name.removeprefix("The ") for name in names]


def test_those_who_sign_are_parties_where_nobody_else_is_named() -> None:
    """Companies above their signatures, and persons who sign for themselves; officers are none."""
    analysis = analysed(
        "JOINT FILING AGREEMENT\n\nThe undersigned agree that the statement is filed jointly.\n\n"
        "Date: March 15, 2010\n\n"
        "ALPHA CAPITAL MANAGEMENT, LLC\n\nBy: /s/ Jane Doe\nName: Jane Doe\nTitle: Manager\n\n"
        "ALPHA MASTER FUND, LTD.\n\nBy: /s/ Jane Doe\nTitle: Director\n\n/s/ John Roe\nJOHN ROE\n"
    )
    names = [party.name for party in analysis.parties]
    assert names == ["ALPHA CAPITAL MANAGEMENT, LLC", "ALPHA MASTER FUND, LTD.", "JOHN ROE"]


@pytest.mark.parametrize(
    "opening",
    [
        f"THIS AGREEMENT is made March 15, 2010 {BETWEEN}",
        f"AGREEMENT dated March 15, 2010 {BETWEEN}",
        f"Agreement made on Monday, March 15, 2010, {BETWEEN}",
        f"This Agreement is executed on the fifteenth day of March, 2010 {BETWEEN}",
        f"Date: March 15, 2010\n\nThis Agreement is {BETWEEN}",
        "This Agreement, by and between Acme Widgets, Inc. and Birch Supply LLC, is entered into this March 15, 2010.",
        'ACME WIDGETS, INC. (the "Company") and BIRCH SUPPLY LLC enter into this Agreement as of March 15, 2010.',
        (
            "Acme Widgets, Inc.\n100 Main Street\nBoston\n\nMarch 15, 2010\n\nBirch Supply LLC\n200 Oak Street\n"
            "Dallas\n\n"
            'Dear Mr. Roe:\n\nThis letter sets forth the terms under which Acme Widgets, Inc. ("Acme") engages Birch '
            'Supply LLC ("Birch").'
        ),
    ],
)
def test_the_day_on_which_a_contract_is_made(opening: str) -> None:
    """In the opening, above it, or at the head of a letter."""
    assert analysed(opening).agreement_date == date(2010, 3, 15)


def test_who_signs_last_makes_the_contract() -> None:
    """Where the opening refers to the signatures."""
    analysis = analysed(
        f"This Agreement is entered into as of the last date written below {BETWEEN}{RECITALS}IN WITNESS WHEREOF, the "
        "parties have signed.\n\nACME WIDGETS, INC.\nBy: /s/ A. Roe\nDate: March 15, 2010\n\nBIRCH SUPPLY LLC\n"
        "By: /s/ B. Doe\nDate: March 12, 2010\n"
    )
    assert analysis.agreement_date == date(2010, 3, 15)
