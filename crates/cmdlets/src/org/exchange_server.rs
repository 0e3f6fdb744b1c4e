//! Servers of the organisation.

use directory::schema::SERVER;

use crate::{Cmdlet, Noun};

static NOUN: Noun =
    Noun::new("ExchangeServer", &SERVER, &["Microsoft.Exchange.Data.Directory.Management.ExchangeServer"]);

/// `Get-ExchangeServer`
pub static GET: Cmdlet = Cmdlet::get("Get-ExchangeServer", &NOUN);
