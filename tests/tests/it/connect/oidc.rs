//! Logins against a real authorization server.
