//! The few enumerations scripts name: their values by name.

/// An enumeration: the last part of its name in lower case, its full name, its values.
type Row = (&'static str, &'static str, &'static [(&'static str, i32)]);

/// All of them, sorted by the last part of their names.
pub(super) const ENUMS: &[Row] = &[
    ("datetimekind", "System.DateTimeKind", &[("Unspecified", 0), ("Utc", 1), ("Local", 2)]),
    (
        "dayofweek",
        "System.DayOfWeek",
        &[
            ("Sunday", 0),
            ("Monday", 1),
            ("Tuesday", 2),
            ("Wednesday", 3),
            ("Thursday", 4),
            ("Friday", 5),
            ("Saturday", 6),
        ],
    ),
    (
        "errorcategory",
        "System.Management.Automation.ErrorCategory",
        &[
            ("NotSpecified", 0),
            ("OpenError", 1),
            ("CloseError", 2),
            ("DeviceError", 3),
            ("DeadlockDetected", 4),
            ("InvalidArgument", 5),
            ("InvalidData", 6),
            ("InvalidOperation", 7),
            ("InvalidResult", 8),
            ("InvalidType", 9),
            ("MetadataError", 10),
            ("NotImplemented", 11),
            ("NotInstalled", 12),
            ("ObjectNotFound", 13),
            ("OperationStopped", 14),
            ("OperationTimeout", 15),
            ("SyntaxError", 16),
            ("ParserError", 17),
            ("PermissionDenied", 18),
            ("ResourceBusy", 19),
            ("ResourceExists", 20),
            ("ResourceUnavailable", 21),
            ("ReadError", 22),
            ("WriteError", 23),
            ("FromStdErr", 24),
            ("SecurityError", 25),
            ("ProtocolError", 26),
            ("ConnectionError", 27),
            ("AuthenticationError", 28),
            ("LimitsExceeded", 29),
            ("QuotaExceeded", 30),
            ("NotEnabled", 31),
        ],
    ),
    ("midpointrounding", "System.MidpointRounding", &[("ToEven", 0), ("AwayFromZero", 1)]),
    (
        "regexoptions",
        "System.Text.RegularExpressions.RegexOptions",
        &[("None", 0), ("IgnoreCase", 1), ("Multiline", 2), ("Singleline", 16)],
    ),
    (
        "stringcomparison",
        "System.StringComparison",
        &[
            ("CurrentCulture", 0),
            ("CurrentCultureIgnoreCase", 1),
            ("InvariantCulture", 2),
            ("InvariantCultureIgnoreCase", 3),
            ("Ordinal", 4),
            ("OrdinalIgnoreCase", 5),
        ],
    ),
    ("stringsplitoptions", "System.StringSplitOptions", &[("None", 0), ("RemoveEmptyEntries", 1)]),
];

/// The place of an enumeration by the last part of its name, lower case.
pub(super) fn find(last: &str) -> Option<usize> {
    ENUMS.binary_search_by(|row| row.0.cmp(last)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorted() {
        assert!(ENUMS.is_sorted_by_key(|row| row.0));
        assert!(find("dayofweek").is_some() && find("month").is_none());
    }
}
