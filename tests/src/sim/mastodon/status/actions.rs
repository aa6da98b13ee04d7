//! What is done with statuses that are there: favoured, boosted and deleted.

use std::collections::BTreeSet;
use std::time::SystemTime;

use serde_json::{Value, json};

use super::{Status, language};
use crate::sim::mastodon::parameters::Parameters;
use crate::sim::mastodon::{Refused, State};

impl State {
    pub(in crate::sim::mastodon) fn favourite(&mut self, me: u64, id: u64) -> Result<Value, Refused> {
        self.status(id, Some(me))?;
        if let Some(status) = self.statuses.get_mut(&id) {
            status.favourites.insert(me);
        }
        Ok(self.show(self.status(id, Some(me))?, Some(me)))
    }

    /// A status that shows another one; the second time it is the same.
    pub(in crate::sim::mastodon) fn reblog(&mut self, me: u64, id: u64) -> Result<Value, Refused> {
        let original = self.status(id, Some(me))?;
        let (original, visibility) = (original.reblog_of.unwrap_or(id), original.visibility.clone());
        let is_own = self.statuses.get(&original).is_some_and(|original| original.account == me);
        if visibility == "direct" || (visibility == "private" && !is_own) {
            return Err(Refused::not_allowed());
        }
        let again = |status: &&Status| status.account == me && status.reblog_of == Some(original);
        if let Some(known) = self.statuses.values().find(again) {
            return Ok(self.show(known, Some(me)));
        }
        let now = SystemTime::now();
        let reblog = Status {
            id: self.next_id(),
            account: me,
            at: now,
            visible_from: now + self.publish_delay,
            text: String::new(),
            warning: String::new(),
            visibility,
            language: language(""),
            sensitive: false,
            reply_to: None,
            media: Vec::new(),
            poll: None,
            reblog_of: Some(original),
            favourites: BTreeSet::new(),
        };
        Ok(self.add(reblog))
    }

    /// Deletes a status and its boosts, and gives what its author needs to write it anew: its text, and its media,
    /// which are free again unless they go with it.
    pub(in crate::sim::mastodon) fn delete_status(
        &mut self,
        me: u64,
        id: u64,
        given: &Parameters,
    ) -> Result<Value, Refused> {
        let status = self.status(id, Some(me))?;
        if status.account != me {
            return Err(Refused::not_found());
        }
        let mut body = self.show(status, Some(me));
        body["text"] = json!(status.text);
        if let Some(shown) = body.as_object_mut() {
            shown.remove("content");
        }
        self.statuses.retain(|_, status| status.id != id && status.reblog_of != Some(id));
        if given.is_true("delete_media") {
            self.media.retain(|_, media| media.status != Some(id));
        }
        for media in self.media.values_mut().filter(|media| media.status == Some(id)) {
            media.status = None;
        }
        Ok(body)
    }
}
