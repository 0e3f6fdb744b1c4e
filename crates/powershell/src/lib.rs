//! The PowerShell language and its cmdlet contract; would exist without mail.
