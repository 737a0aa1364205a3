"""Countries and the states that TrepStar wants by code: ISO 3166, as data. Pure."""

from __future__ import annotations

_COUNTRIES = """
AD Andorra | AE United Arab Emirates | AF Afghanistan | AG Antigua and Barbuda | AI Anguilla |
AL Albania | AM Armenia | AO Angola | AQ Antarctica | AR Argentina | AS American Samoa | AT
Austria | AU Australia | AW Aruba | AX Åland Islands | AZ Azerbaijan | BA Bosnia and Herzegovina
| BB Barbados | BD Bangladesh | BE Belgium | BF Burkina Faso | BG Bulgaria | BH Bahrain | BI
Burundi | BJ Benin | BL Saint Barthélemy | BM Bermuda | BN Brunei | BO Bolivia | BQ Caribbean
Netherlands | BR Brazil | BS Bahamas | BT Bhutan | BV Bouvet Island | BW Botswana | BY Belarus |
BZ Belize | CA Canada | CC Cocos (Keeling) Islands | CD Congo (Kinshasa) | CF Central African
Republic | CG Congo (Brazzaville) | CH Switzerland | CI Côte d'Ivoire | CK Cook Islands | CL
Chile | CM Cameroon | CN China | CO Colombia | CR Costa Rica | CU Cuba | CV Cape Verde | CW
Curaçao | CX Christmas Island | CY Cyprus | CZ Czechia | DE Germany | DJ Djibouti | DK Denmark |
DM Dominica | DO Dominican Republic | DZ Algeria | EC Ecuador | EE Estonia | EG Egypt | EH
Western Sahara | ER Eritrea | ES Spain | ET Ethiopia | FI Finland | FJ Fiji | FK Falkland
Islands | FM Micronesia | FO Faroe Islands | FR France | GA Gabon | GB United Kingdom | GD
Grenada | GE Georgia | GF French Guiana | GG Guernsey | GH Ghana | GI Gibraltar | GL Greenland |
GM Gambia | GN Guinea | GP Guadeloupe | GQ Equatorial Guinea | GR Greece | GS South Georgia and
the South Sandwich Islands | GT Guatemala | GU Guam | GW Guinea-Bissau | GY Guyana | HK Hong
Kong | HM Heard Island and McDonald Islands | HN Honduras | HR Croatia | HT Haiti | HU Hungary |
ID Indonesia | IE Ireland | IL Israel | IM Isle of Man | IN India | IO British Indian Ocean
Territory | IQ Iraq | IR Iran | IS Iceland | IT Italy | JE Jersey | JM Jamaica | JO Jordan | JP
Japan | KE Kenya | KG Kyrgyzstan | KH Cambodia | KI Kiribati | KM Comoros | KN Saint Kitts and
Nevis | KP North Korea | KR South Korea | KW Kuwait | KY Cayman Islands | KZ Kazakhstan | LA
Laos | LB Lebanon | LC Saint Lucia | LI Liechtenstein | LK Sri Lanka | LR Liberia | LS Lesotho |
LT Lithuania | LU Luxembourg | LV Latvia | LY Libya | MA Morocco | MC Monaco | MD Moldova | ME
Montenegro | MF Saint Martin | MG Madagascar | MH Marshall Islands | MK North Macedonia | ML
Mali | MM Myanmar | MN Mongolia | MO Macao | MP Northern Mariana Islands | MQ Martinique | MR
Mauritania | MS Montserrat | MT Malta | MU Mauritius | MV Maldives | MW Malawi | MX Mexico | MY
Malaysia | MZ Mozambique | NA Namibia | NC New Caledonia | NE Niger | NF Norfolk Island | NG
Nigeria | NI Nicaragua | NL Netherlands | NO Norway | NP Nepal | NR Nauru | NU Niue | NZ New
Zealand | OM Oman | PA Panama | PE Peru | PF French Polynesia | PG Papua New Guinea | PH
Philippines | PK Pakistan | PL Poland | PM Saint Pierre and Miquelon | PN Pitcairn | PR Puerto
Rico | PS Palestine | PT Portugal | PW Palau | PY Paraguay | QA Qatar | RE Réunion | RO Romania
| RS Serbia | RU Russia | RW Rwanda | SA Saudi Arabia | SB Solomon Islands | SC Seychelles | SD
Sudan | SE Sweden | SG Singapore | SH Saint Helena | SI Slovenia | SJ Svalbard and Jan Mayen |
SK Slovakia | SL Sierra Leone | SM San Marino | SN Senegal | SO Somalia | SR Suriname | SS South
Sudan | ST Sao Tome and Principe | SV El Salvador | SX Sint Maarten | SY Syria | SZ Eswatini |
TC Turks and Caicos Islands | TD Chad | TF French Southern Territories | TG Togo | TH Thailand |
TJ Tajikistan | TK Tokelau | TL Timor-Leste | TM Turkmenistan | TN Tunisia | TO Tonga | TR
Turkey | TT Trinidad and Tobago | TV Tuvalu | TW Taiwan | TZ Tanzania | UA Ukraine | UG Uganda |
UM United States Minor Outlying Islands | US United States | UY Uruguay | UZ Uzbekistan | VA
Vatican City | VC Saint Vincent and the Grenadines | VE Venezuela | VG British Virgin Islands |
VI U.S. Virgin Islands | VN Vietnam | VU Vanuatu | WF Wallis and Futuna | WS Samoa | YE Yemen |
YT Mayotte | ZA South Africa | ZM Zambia | ZW Zimbabwe | XK Kosovo
"""

COUNTRIES: dict[str, str] = {
    entry.strip()[:2]: entry.strip()[3:] for entry in " ".join(_COUNTRIES.split()).split("|")
}
"""ISO code to name."""

_OTHER_NAMES = {
    "uk": "GB",
    "great britain": "GB",
    "england": "GB",
    "scotland": "GB",
    "wales": "GB",
    "northern ireland": "GB",
    "usa": "US",
    "u.s.a.": "US",
    "u.s.": "US",
    "united states of america": "US",
    "holland": "NL",
    "the netherlands": "NL",
    "korea": "KR",
    "republic of korea": "KR",
    "russian federation": "RU",
    "viet nam": "VN",
    "czech republic": "CZ",
    "türkiye": "TR",
    "ivory coast": "CI",
    "deutschland": "DE",
    "españa": "ES",
    "italia": "IT",
    "österreich": "AT",
    "schweiz": "CH",
    "suisse": "CH",
    "hong kong sar": "HK",
    "macau": "MO",
}
_BY_NAME = {name.casefold(): code for code, name in COUNTRIES.items()} | _OTHER_NAMES

_US_STATES = """
AL Alabama | AK Alaska | AZ Arizona | AR Arkansas | CA California | CO Colorado | CT Connecticut |
DE Delaware | DC District of Columbia | FL Florida | GA Georgia | HI Hawaii | ID Idaho |
IL Illinois | IN Indiana | IA Iowa | KS Kansas | KY Kentucky | LA Louisiana | ME Maine |
MD Maryland | MA Massachusetts | MI Michigan | MN Minnesota | MS Mississippi | MO Missouri |
MT Montana | NE Nebraska | NV Nevada | NH New Hampshire | NJ New Jersey | NM New Mexico |
NY New York | NC North Carolina | ND North Dakota | OH Ohio | OK Oklahoma | OR Oregon |
PA Pennsylvania | RI Rhode Island | SC South Carolina | SD South Dakota | TN Tennessee | TX Texas |
UT Utah | VT Vermont | VA Virginia | WA Washington | WV West Virginia | WI Wisconsin | WY Wyoming |
PR Puerto Rico | VI Virgin Islands | GU Guam | AS American Samoa | MP Northern Mariana Islands |
FM Micronesia | MH Marshall Islands | PW Palau | AA Armed Forces Americas | AE Armed Forces Europe |
AP Armed Forces Pacific
"""
_CA_PROVINCES = """
AB Alberta | BC British Columbia | MB Manitoba | NB New Brunswick | NL Newfoundland and Labrador |
NT Northwest Territories | NS Nova Scotia | NU Nunavut | ON Ontario | PE Prince Edward Island |
QC Quebec | SK Saskatchewan | YT Yukon
"""

STATES: dict[str, dict[str, str]] = {
    country: {e.strip()[:2]: e.strip()[3:] for e in " ".join(text.split()).split("|")}
    for country, text in (("US", _US_STATES), ("CA", _CA_PROVINCES))
}
"""Country to its states: code to name. Only countries where TrepStar requires a state."""


def country_code(text: str) -> str:
    """Return the ISO code for a code or a name in any case, or blank if it names no country.

    Blank text is the United States, as at the gateway; ``UK`` is ``GB``.
    """
    text = " ".join(text.split())
    if not text:
        return "US"
    if text.casefold() in _BY_NAME:
        return _BY_NAME[text.casefold()]
    return text.upper() if text.upper() in COUNTRIES else ""


def state_code(text: str, country: str) -> str:
    """Return the two-letter code where the country has one for ``text``, else the trimmed text."""
    text = " ".join(text.split())
    states = STATES.get(country, {})
    if text.upper() in states:
        return text.upper()
    folded = text.casefold()
    return next((code for code, name in states.items() if name.casefold() == folded), text)
