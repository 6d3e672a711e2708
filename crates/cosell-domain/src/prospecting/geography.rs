//! Where in the world a country lies, in the three steps of a prospecting result. The division is ours, after common
//! sales regions; AWS publishes none. Knows every country of the contract.

use cosell_model::enums::CountryCode;

/// The place of a country.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The largest division.
    pub geo: &'static str,
    /// The middle one.
    pub region: &'static str,
    /// The smallest one.
    pub sub_region: &'static str,
}

/// Geo, region, sub-region, countries.
const PLACES: &[(&str, &str, &str, &str)] = &[
    ("AMER", "North America", "United States", "US UM"),
    ("AMER", "North America", "Canada and Atlantic", "CA BM GL PM"),
    (
        "AMER",
        "Latin America",
        "Mexico and Central America",
        "MX BZ CR GT HN NI PA SV",
    ),
    (
        "AMER",
        "Latin America",
        "Caribbean",
        "AG AI AN AW BB BL BQ BS CU CW DM DO GD GP HT JM KN KY LC MF MQ MS PR SX TC TT VC VG VI",
    ),
    (
        "AMER",
        "Latin America",
        "South America",
        "AR BO BR CL CO EC FK GF GS GY PE PY SR UY VE",
    ),
    (
        "EMEA",
        "Europe",
        "United Kingdom and Ireland",
        "GB GG GI IE IM JE",
    ),
    (
        "EMEA",
        "Europe",
        "Northern Europe",
        "AX DK EE FI FO IS LT LV NO SE SJ",
    ),
    (
        "EMEA",
        "Europe",
        "Western Europe",
        "AT BE BV CH DE FR LI LU MC NL TF",
    ),
    ("EMEA", "Europe", "Southern Europe", "AD CY ES GR IT MT PT SM VA"),
    (
        "EMEA",
        "Europe",
        "Eastern Europe",
        "AL BA BG BY CZ HR HU MD ME MK PL RO RS RU SI SK UA",
    ),
    ("EMEA", "Middle East", "Gulf", "AE BH KW OM QA SA YE"),
    (
        "EMEA",
        "Middle East",
        "Levant and Turkiye",
        "IL IQ IR JO LB PS SY TR",
    ),
    ("EMEA", "Africa", "North Africa", "DZ EG EH LY MA SD TN"),
    (
        "EMEA",
        "Africa",
        "West and Central Africa",
        "AO BF BJ CD CF CG CI CM CV GA GH GM GN GQ GW LR ML MR NE NG SH SL SN ST TD TG",
    ),
    (
        "EMEA",
        "Africa",
        "East and South Africa",
        "BI BW DJ ER ET KE KM LS MG MU MW MZ NA RE RW SC SO SS SZ TZ UG YT ZA ZM ZW",
    ),
    ("APJ", "Asia", "Greater China", "CN HK MO TW"),
    ("APJ", "Asia", "Japan", "JP"),
    ("APJ", "Asia", "Korea", "KP KR"),
    ("APJ", "Asia", "South Asia", "AF BD BT IN IO LK MV NP PK"),
    (
        "APJ",
        "Asia",
        "Southeast Asia",
        "BN ID KH LA MM MY PH SG TH TL VN",
    ),
    ("APJ", "Asia", "Central Asia", "AM AZ GE KG KZ MN TJ TM UZ"),
    ("APJ", "Oceania", "Australia and New Zealand", "AU CC CX HM NF NZ"),
    (
        "APJ",
        "Oceania",
        "Pacific Islands",
        "AQ AS CK FJ FM GU KI MH MP NC NR NU PF PG PN PW SB TK TO TV VU WF WS",
    ),
];

/// The place of a country; `None` for one that the contract does not know.
pub fn of(country: &CountryCode) -> Option<Place> {
    PLACES
        .iter()
        .find(|(.., countries)| countries.split(' ').any(|code| code == country.as_str()))
        .map(|&(geo, region, sub_region, _)| Place {
            geo,
            region,
            sub_region,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_country_of_the_contract_lies_in_exactly_one_place() {
        let mut listed: Vec<&str> = PLACES.iter().flat_map(|(.., codes)| codes.split(' ')).collect();
        listed.sort_unstable();
        let count = listed.len();
        listed.dedup();
        assert_eq!(listed.len(), count, "no country stands twice");
        for code in CountryCode::VALUES {
            assert!(of(&CountryCode::from(*code)).is_some(), "{code}");
        }
        assert_eq!(of(&CountryCode::from("XX")), None);
        assert_eq!(of(&CountryCode::DE).map(|place| place.geo), Some("EMEA"));
        assert_eq!(of(&CountryCode::JP).map(|place| place.sub_region), Some("Japan"));
    }
}
