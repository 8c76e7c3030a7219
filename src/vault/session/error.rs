//! What is refused of a proxy session (contract, section 9).

/// Why a session was not created, dropped or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// The user was not given.
    #[error("user missing")]
    UserMissing,
    /// The username of the credential was not given, and the dialect wants it.
    #[error("credential missing")]
    CredentialMissing,
    /// The device was not given.
    #[error("device missing")]
    DeviceMissing,
    /// The protocol was not given, or is none that we know.
    #[error("protocol invalid")]
    ProtocolInvalid,
    /// A credential of a domain, and no device on which to use it.
    #[error("remote device missing")]
    RemoteDeviceMissing,
    /// No such user.
    #[error("user not found")]
    UserNotFound,
    /// No such device, or not one that the client sees, or one that is switched off.
    #[error("device not found")]
    DeviceNotFound,
    /// No such credential on the device, or not one that the client sees, or one that is switched off.
    #[error("credential not found")]
    CredentialNotFound,
    /// No such session, or one of a credential that the client does not see.
    #[error("session not found")]
    NotFound,
    /// The session is over.
    #[error("session over")]
    Over,
    /// The URL is none of ours, has run out, or was opened before; or its client or credential was switched off, or the
    /// client no longer sees the credential.
    #[error("session URL not good")]
    UrlNotGood,
    /// The URL is bound to another address.
    #[error("session URL bound to another address")]
    UrlBoundElsewhere,
}

impl SessionError {
    /// The stable word for the audit log.
    pub fn reason(self) -> &'static str {
        match self {
            SessionError::UserMissing => "user-missing",
            SessionError::CredentialMissing => "credential-missing",
            SessionError::DeviceMissing => "device-missing",
            SessionError::ProtocolInvalid => "protocol-invalid",
            SessionError::RemoteDeviceMissing => "remote-device-missing",
            SessionError::UserNotFound => "user-not-found",
            SessionError::DeviceNotFound => "device-not-found",
            SessionError::CredentialNotFound => "credential-not-found",
            SessionError::NotFound => "session-not-found",
            SessionError::Over => "session-over",
            SessionError::UrlNotGood => "session-url-not-good",
            SessionError::UrlBoundElsewhere => "session-url-bound-elsewhere",
        }
    }
}
