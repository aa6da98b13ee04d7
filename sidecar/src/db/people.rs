//! What commands for people ask and do: posts, the calendar, what happens now, imports.
