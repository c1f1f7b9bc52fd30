"""Names of the states, provinces and countries whose law a contract may choose."""

import re

_STATES = (
    "Alabama|Alaska|Arizona|Arkansas|California|Colorado|Connecticut|Delaware|Florida|Georgia|Hawaii|Idaho|Illinois|"
    "Indiana|Iowa|Kansas|Kentucky|Louisiana|Maine|Maryland|Massachusetts|Michigan|Minnesota|Mississippi|Missouri|"
    "Montana|Nebraska|Nevada|New Hampshire|New Jersey|New Mexico|New York|North Carolina|North Dakota|Ohio|Oklahoma|"
    "Oregon|Pennsylvania|Rhode Island|South Carolina|South Dakota|Tennessee|Texas|Utah|Vermont|West Virginia|Virginia|"
    "Washington|Wisconsin|Wyoming|District of Columbia|Puerto Rico"
)
_PROVINCES = (
    "Alberta|British Columbia|Manitoba|New Brunswick|Newfoundland|Nova Scotia|Ontario|Prince Edward Island|"
    "Quebec|Québec|"
    "Saskatchewan"
)
_COUNTRIES = (
    "England and Wales|England & Wales|England|Wales|Scotland|Northern Ireland|United Kingdom|Great Britain|Ireland|"
    "United States of America|United States|Canada|Mexico|Brazil|Argentina|Chile|Colombia|Peru|Panama|Bermuda|"
    "British Virgin Islands|Cayman Islands|Bahamas|Barbados|Jersey|Guernsey|Isle of Man|Gibraltar|Germany|Austria|"
    "Switzerland|France|Belgium|Netherlands|Luxembourg|Spain|Portugal|Italy|Greece|Cyprus|Malta|Denmark|Sweden|Norway|"
    "Finland|Iceland|Poland|Czech Republic|Hungary|Romania|Bulgaria|Ukraine|Russian Federation|Russia|Turkey|Israel|"
    "Egypt|South Africa|Nigeria|Kenya|Mauritius|Saudi Arabia|United Arab Emirates|Abu Dhabi|Dubai|Qatar|"
    "Kuwait|Bahrain|India|Pakistan|"
    "Bangladesh|Sri Lanka|Hong Kong SAR|Hong Kong|Macau|Taiwan|Republic of China|People's Republic of China|"
    "PRC|China|Japan|Republic of Korea|South Korea|"
    "Korea|Singapore|Malaysia|Thailand|Vietnam|Indonesia|Philippines|Australia|New South Wales|Victoria|Queensland|"
    "Western Australia|South Australia|Tasmania|New Zealand|Marshall Islands|Liberia|Estonia|Latvia|Lithuania|Slovakia|"
    "Slovenia|Croatia|Serbia|Montenegro|Albania|North Macedonia|Moldova|Belarus|Armenia|Azerbaijan|Kazakhstan|"
    "Uzbekistan|"
    "Mongolia|Nepal|Cambodia|Laos|Myanmar|Brunei|Papua New Guinea|Fiji|Samoa|Vanuatu|Jordan|Lebanon|Iraq|Oman|Yemen|"
    "Morocco|Algeria|Tunisia|Libya|Ghana|Senegal|Cameroon|Angola|Ethiopia|Tanzania|Uganda|Rwanda|Zambia|Zimbabwe|"
    "Botswana|"
    "Namibia|Mozambique|Madagascar|Seychelles|Venezuela|Ecuador|Bolivia|Uruguay|Paraguay|Costa Rica|Guatemala|Honduras|"
    "El Salvador|Nicaragua|Belize|Dominican Republic|Jamaica|Trinidad and Tobago|Haiti|Curacao|Curaçao|"
    "Netherlands Antilles|Saint Lucia|St. Lucia|Antigua and Barbuda|Nevis|Anguilla|Turks and Caicos Islands|"
    "Liechtenstein|Monaco|Andorra|San Marino|Macao|United Mexican States|"
    "Dubai International Financial Centre|Abu Dhabi Global Market|Guam|U.S. Virgin Islands"
)
_ADJECTIVES = {
    "English": "England", "Scottish": "Scotland", "Irish": "Ireland", "Canadian": "Canada", "German": "Germany",
    "French": "France", "Swiss": "Switzerland", "Italian": "Italy", "Spanish": "Spain", "Dutch": "Netherlands",
    "Belgian": "Belgium", "Austrian": "Austria", "Swedish": "Sweden", "Danish": "Denmark", "Norwegian": "Norway",
    "Finnish": "Finland", "Israeli": "Israel", "Indian": "India", "Japanese": "Japan", "Chinese": "China",
    "Korean": "Korea", "Australian": "Australia", "Russian": "Russia", "Brazilian": "Brazil", "Mexican": "Mexico",
}  # fmt: skip
_NAMES = sorted({*_STATES.split("|"), *_PROVINCES.split("|"), *_COUNTRIES.split("|")}, key=len, reverse=True)
_SHORT = {"prc": "People's Republic of China", "hong kong sar": "Hong Kong", "england & wales": "England and Wales"}
_SHORT |= {"united mexican states": "Mexico", "macao": "Macau"}
_CANONICAL = {name.lower(): name for name in _NAMES} | {k.lower(): v for k, v in _ADJECTIVES.items()} | _SHORT

PLACE = "(?:" + "|".join(re.escape(name).replace(r"\ ", r"\s+") for name in _NAMES) + ")"
PLACE_OF_LAW = "(?:" + "|".join([PLACE, *_ADJECTIVES]) + ")"
_IN_CANADA = frozenset(_PROVINCES.split("|"))


def canonical_place(written: str) -> str:
    """The usual name of a place as contracts write it; a province of Canada is named with its country."""
    name = _CANONICAL.get(re.sub(r"\s+", " ", written).strip().lower(), written)
    return f"{name}, Canada" if name in _IN_CANADA else name
