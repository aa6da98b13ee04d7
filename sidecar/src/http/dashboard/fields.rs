//! What a query or a form brings: names with values, in their order.

use url::form_urlencoded;

/// Names with values.
#[derive(Debug, Clone, Default)]
pub(super) struct Fields(pub(super) Vec<(String, String)>);

impl Fields {
    pub(super) fn of(text: &str) -> Self {
        Self(form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// The value of a name, unless it is empty. Browsers send empty ones for what nobody filled in.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let named = self.0.iter().filter(|(known, _)| known == name);
        named.map(|(_, value)| value.as_str()).find(|value| !value.trim().is_empty())
    }

    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The value of one name under another.
    pub(super) fn renamed(&self, name: &str, other: &str) -> Self {
        Self(self.get(name).map(|value| (other.to_owned(), value.to_owned())).into_iter().collect())
    }

    /// The same with one value in the place of another, as a query.
    pub(super) fn with(&self, name: &str, value: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (known, value) in self.0.iter().filter(|(known, value)| known != name && !value.is_empty()) {
            query.append_pair(known, value);
        }
        query.append_pair(name, value).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_filled_in_is_not_there() {
        let fields = Fields::of("a=&b=+x+&a=2&c");
        assert_eq!((fields.get("a"), fields.get("b"), fields.get("c")), (Some("2"), Some(" x "), None));
        assert_eq!(fields.renamed("b", "z").get("z"), Some(" x "));
        assert_eq!(fields.all("a").count(), 2);
        assert_eq!(
            Fields::of("state=failed&cursor=a%26b&q=").with("cursor", "c d"),
            "state=failed&cursor=c+d"
        );
    }
}
