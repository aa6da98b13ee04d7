//! Accounts with their records and blobs.

use std::collections::{BTreeMap, HashMap};
use std::time::SystemTime;

use bytes::Bytes;
use hyper::StatusCode;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Query, Refused, State, cid, record};
use crate::sim::ledger::{Entry, Image, Ledger, rfc3339};

/// One account.
pub(super) struct Account {
    pub(super) did: String,
    pub(super) handle: String,
    pub(super) password: String,
    /// By collection and key.
    records: BTreeMap<(String, String), Record>,
    blobs: HashMap<String, Blob>,
}

/// One record.
pub(super) struct Record {
    cid: String,
    pub(super) value: Value,
    /// When it was first written.
    pub(super) at: SystemTime,
    /// From when on others know of it.
    known: SystemTime,
}

struct Blob {
    mime_type: &'static str,
    bytes: Bytes,
}

/// What a write names: collection and key.
type Key = (String, String);

impl Account {
    /// The posts with their keys.
    pub(super) fn posts(&self) -> impl Iterator<Item = (&str, &Record)> {
        self.of(record::COLLECTION)
    }

    fn of(&self, collection: &str) -> impl Iterator<Item = (&str, &Record)> {
        let own = move |((of, _), _): &(&Key, &Record)| of == collection;
        self.records.iter().filter(own).map(|((_, key), record)| (key.as_str(), record))
    }

    /// The address of a record.
    pub(super) fn uri(&self, collection: &str, key: &str) -> String {
        format!("at://{}/{collection}/{key}", self.did)
    }

    fn is_referred_to(&self, cid: &str) -> bool {
        self.records.values().any(|record| record::blobs(&record.value).iter().any(|blob| blob == cid))
    }
}

impl State {
    pub(super) fn add_account(&mut self, handle: &str, password: &str) -> Result<String, String> {
        if handle.is_empty() || !handle.contains('.') {
            return Err(format!("{handle:?} is not a handle: it needs a dot"));
        }
        if self.account(handle).is_some() {
            return Err(format!("Handle already taken: {handle}"));
        }
        let did = format!("did:plc:{}", &cid::base32(&Sha256::digest(handle))[..24]);
        let account = Account {
            did: did.clone(),
            handle: handle.to_owned(),
            password: password.to_owned(),
            records: BTreeMap::new(),
            blobs: HashMap::new(),
        };
        self.accounts.insert(did.clone(), account);
        Ok(did)
    }

    /// The account with a handle or a DID.
    pub(super) fn account(&self, identifier: &str) -> Option<&Account> {
        let is =
            |account: &&Account| account.did == identifier || account.handle.eq_ignore_ascii_case(identifier);
        self.accounts.values().find(is)
    }

    pub(super) fn handle(&self, did: &str) -> String {
        self.account(did).map_or_else(|| "handle.invalid".to_owned(), |account| account.handle.clone())
    }

    pub(super) fn resolve_handle(&self, handle: &str) -> Result<Value, Refused> {
        let account = self.account(handle).ok_or_else(|| Refused::invalid("Unable to resolve handle"))?;
        Ok(json!({"did": account.did}))
    }

    pub(super) fn upload_blob(
        &mut self,
        did: &str,
        stated: Option<&str>,
        bytes: Bytes,
    ) -> Result<Value, Refused> {
        let mime_type = sniff(&bytes, stated);
        let id = cid::of_bytes(&bytes);
        let size = bytes.len();
        self.own(did)?.blobs.insert(id.clone(), Blob { mime_type, bytes });
        Ok(json!({"blob": {"$type": "blob", "ref": {"$link": id}, "mimeType": mime_type, "size": size}}))
    }

    pub(super) fn get_blob(&self, query: &Query) -> Result<(&'static str, Bytes), Refused> {
        let id = query.one("cid")?;
        // a blob that no record refers to is nobody's business yet
        self.account(&query.one("did")?)
            .filter(|account| account.is_referred_to(&id))
            .and_then(|account| account.blobs.get(&id))
            .map(|blob| (blob.mime_type, blob.bytes.clone()))
            .ok_or_else(|| Refused::invalid("Blob not found"))
    }

    /// Writes a record at a key. The same content again changes nothing; `swapRecord` says what must be there now,
    /// null for nothing.
    pub(super) fn put_record(&mut self, did: &str, input: &Value, ledger: &Ledger) -> Result<Value, Refused> {
        let (key, value, id) = self.write(did, input)?;
        let key = key.ok_or_else(|| Refused::invalid("Missing required key \"rkey\" at $"))?;
        let account = self.own(did)?;
        let uri = account.uri(&key.0, &key.1);
        let current = account.records.get(&key).map(|record| record.cid.clone());
        if current.as_ref() == Some(&id) {
            return Ok(json!({"uri": uri, "cid": id, "validationStatus": "valid"}));
        }
        if let Some(expected) = input.get("swapRecord")
            && expected.as_str() != current.as_deref()
        {
            let message = format!("Record was at {}", current.as_deref().unwrap_or("null"));
            return Err(Refused::new(StatusCode::BAD_REQUEST, "InvalidSwap", message));
        }
        self.commit(did, key, value, id, ledger)
    }

    /// Writes a new record. A key that is taken comes out as an internal error, as on the real server.
    pub(super) fn create_record(
        &mut self,
        did: &str,
        input: &Value,
        ledger: &Ledger,
    ) -> Result<Value, Refused> {
        let (key, value, id) = self.write(did, input)?;
        let key = key.unwrap_or_else(|| (collection(input), self.next_revision()));
        if self.own(did)?.records.contains_key(&key) {
            return Err(Refused::internal());
        }
        self.commit(did, key, value, id, ledger)
    }

    pub(super) fn delete_record(&mut self, did: &str, input: &Value) -> Result<Value, Refused> {
        self.check_repo(did, input)?;
        let key = (collection(input), text(input, "rkey")?);
        match self.own(did)?.records.remove(&key) {
            Some(record) => Ok(json!({"commit": self.commit_of(&record.cid)})),
            None => Ok(json!({})),
        }
    }

    pub(super) fn get_record(&self, query: &Query) -> Result<Value, Refused> {
        let (repo, key) = (query.one("repo")?, (query.one("collection")?, query.one("rkey")?));
        let uri = format!("at://{repo}/{}/{}", key.0, key.1);
        let found = self.account(&repo).and_then(|account| Some((account, account.records.get(&key)?)));
        let (account, record) = found.ok_or_else(|| {
            let message = format!("Could not locate record: {uri}");
            Refused::new(StatusCode::BAD_REQUEST, "RecordNotFound", message)
        })?;
        Ok(json!({"uri": account.uri(&key.0, &key.1), "cid": record.cid, "value": record.value}))
    }

    /// Newest key first, or oldest with `reverse=true`; the cursor is the last key of the page.
    pub(super) fn list_records(&self, query: &Query) -> Result<Value, Refused> {
        let repo = query.one("repo")?;
        let collection = query.one("collection")?;
        let limit = query.optional("limit").map_or(Ok(50), |limit| limit.parse());
        let limit: usize = limit.map_err(|_| Refused::invalid("limit must be an integer"))?;
        let reverse = query.optional("reverse").is_some_and(|value| value == "true");
        let cursor = query.optional("cursor");
        let account =
            self.account(&repo).ok_or_else(|| Refused::invalid(format!("Could not find repo: {repo}")))?;
        let is_after = |key: &str| match &cursor {
            None => true,
            Some(cursor) => {
                if reverse {
                    key > cursor.as_str()
                } else {
                    key < cursor.as_str()
                }
            }
        };
        let mut page: Vec<_> = account.of(&collection).filter(|(key, _)| is_after(key)).collect();
        if !reverse {
            page.reverse();
        }
        page.truncate(limit.clamp(1, 100));
        let records: Vec<_> = page
            .iter()
            .map(|(key, record)| {
                json!({"uri": account.uri(&collection, key), "cid": record.cid, "value": record.value})
            })
            .collect();
        let mut answer = json!({"records": records});
        if let (Some((key, _)), true) = (page.last(), page.len() == limit) {
            answer["cursor"] = json!(key);
        }
        Ok(answer)
    }

    /// The record by which an account has done something to a subject.
    fn record_about(&self, did: &str, collection: &str, subject: &str) -> Option<String> {
        let account = self.accounts.get(did)?;
        let is_about = |record: &Record| {
            let about = &record.value["subject"];
            record.known <= SystemTime::now()
                && about.as_str().or_else(|| about["uri"].as_str()) == Some(subject)
        };
        let (key, _) = account.of(collection).find(|(_, record)| is_about(record))?;
        Some(account.uri(collection, key))
    }

    /// How many accounts have done something to a subject, however many records each has.
    fn count_about(&self, collection: &str, subject: &str) -> usize {
        self.accounts.keys().filter(|did| self.record_about(did, collection, subject).is_some()).count()
    }

    /// An account as another one is shown it.
    pub(super) fn get_profile(&self, viewer: &str, actor: &str) -> Result<Value, Refused> {
        let account = self.account(actor).ok_or_else(|| Refused::invalid("Profile not found"))?;
        let mut profile = json!({
            "did": account.did, "handle": account.handle, "viewer": {"muted": false, "blockedBy": false},
            "followersCount": self.count_about(record::FOLLOWS, &account.did),
        });
        if let Some(uri) = self.record_about(viewer, record::FOLLOWS, &account.did) {
            profile["viewer"]["following"] = json!(uri);
        }
        Ok(profile)
    }

    /// Posts as an account is shown them.
    pub(super) fn get_posts(&self, viewer: &str, uris: &[String]) -> Value {
        let posts = uris.iter().filter_map(|uri| {
            let (did, rest) = uri.strip_prefix("at://")?.split_once('/')?;
            let (collection, key) = rest.split_once('/')?;
            let account = self.account(did)?;
            let record = account.records.get(&(collection.to_owned(), key.to_owned()))?;
            let mut post = json!({
                "uri": uri, "cid": record.cid, "record": record.value, "indexedAt": rfc3339(record.at),
                "author": {"did": account.did, "handle": account.handle}, "viewer": {"threadMuted": false},
                "likeCount": self.count_about(record::LIKES, uri), "replyCount": 0, "repostCount": 0, "quoteCount": 0,
            });
            if let Some(like) = self.record_about(viewer, record::LIKES, uri) {
                post["viewer"]["like"] = json!(like);
            }
            Some(post)
        });
        json!({"posts": posts.collect::<Vec<_>>()})
    }

    /// Checks what create and put have in common: key (if any), record and its id.
    fn write(&mut self, did: &str, input: &Value) -> Result<(Option<Key>, Value, String), Refused> {
        self.check_repo(did, input)?;
        let collection = text(input, "collection")?;
        let mut value =
            input.get("record").cloned().filter(Value::is_object).ok_or_else(|| missing("record"))?;
        let key = input["rkey"].as_str().map(str::to_owned);
        if collection == record::COLLECTION {
            record::check(&value).map_err(Refused::invalid)?;
        }
        let has_tids = [record::COLLECTION, record::LIKES, record::FOLLOWS].contains(&collection.as_str());
        if let Some(bad) = key.as_ref().filter(|key| has_tids && !record::is_tid(key)) {
            let reason = format!("Invalid TID string (got {bad:?}) at $");
            return Err(Refused::invalid(format!("Invalid record key for {collection}: {reason}")));
        }
        // the server adds a type that was left out
        if value["$type"].is_null() {
            value["$type"] = json!(collection);
        }
        let account = self.own(did)?;
        if let Some(lost) = record::blobs(&value).iter().find(|id| !account.blobs.contains_key(*id)) {
            let message = format!("Could not find blob: {lost}");
            return Err(Refused::new(StatusCode::BAD_REQUEST, "BlobNotFound", message));
        }
        let id = cid::of_record(&value)
            .ok_or_else(|| Refused::invalid("Record has a value that is not part of the data model"))?;
        Ok((key.map(|key| (collection, key)), value, id))
    }

    /// Makes a write visible. Only a new key is a publish: a changed record is an edit.
    fn commit(
        &mut self,
        did: &str,
        key: Key,
        value: Value,
        id: String,
        ledger: &Ledger,
    ) -> Result<Value, Refused> {
        let commit = self.commit_of(&id);
        let delay = self.delay;
        let account = self.own(did)?;
        let uri = account.uri(&key.0, &key.1);
        let at = account.records.get(&key).map(|record| record.at);
        if at.is_none() {
            ledger.append(entry(account, &key, &uri, &value));
        }
        let now = SystemTime::now();
        let record = Record { cid: id.clone(), value, at: at.unwrap_or(now), known: now + delay };
        account.records.insert(key, record);
        Ok(json!({"uri": uri, "cid": id, "commit": commit, "validationStatus": "valid"}))
    }

    fn commit_of(&mut self, id: &str) -> Value {
        let rev = self.next_revision();
        json!({"cid": cid::of_record(&json!({"data": id, "rev": rev})), "rev": rev})
    }

    fn next_revision(&mut self) -> String {
        let now =
            SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_micros());
        self.revision = (self.revision + 1).max(u64::try_from(now).unwrap_or(u64::MAX));
        record::tid(self.revision)
    }

    fn check_repo(&self, did: &str, input: &Value) -> Result<(), Refused> {
        let repo = text(input, "repo")?;
        match self.account(&repo) {
            Some(account) if account.did == did => Ok(()),
            Some(_) => Err(Refused::new(StatusCode::UNAUTHORIZED, "AuthRequired", "Authentication Required")),
            None => Err(Refused::new(StatusCode::FORBIDDEN, "AccountNotFound", "Account not found")),
        }
    }

    fn own(&mut self, did: &str) -> Result<&mut Account, Refused> {
        self.accounts.get_mut(did).ok_or_else(Refused::internal)
    }
}

fn entry(account: &Account, key: &Key, uri: &str, value: &Value) -> Entry {
    let media = record::media(value);
    let images = media.iter().map(|one| Image {
        alt: one["alt"].as_str().unwrap_or_default().to_owned(),
        cid: one["blob"]["ref"]["$link"].as_str().unwrap_or_default().to_owned(),
        mime_type: one["blob"]["mimeType"].as_str().unwrap_or_default().to_owned(),
        size: one["blob"]["size"].as_u64().unwrap_or_default(),
    });
    Entry {
        platform: super::NAME,
        account: account.handle.clone(),
        key: key.1.clone(),
        text: value["text"].as_str().unwrap_or_default().to_owned(),
        images: images.collect(),
        at: rfc3339(SystemTime::now()),
        uri: uri.to_owned(),
        reply_to: record::parent(value),
    }
}

fn missing(key: &str) -> Refused {
    Refused::invalid(format!("Missing required key {key:?} at $"))
}

fn text(input: &Value, key: &str) -> Result<String, Refused> {
    input[key].as_str().map(str::to_owned).ok_or_else(|| missing(key))
}

fn collection(input: &Value) -> String {
    input["collection"].as_str().unwrap_or_default().to_owned()
}

/// The type that the bytes show; what the client states counts only where they show none.
fn sniff(bytes: &[u8], stated: Option<&str>) -> &'static str {
    match imagesize::image_type(bytes) {
        Ok(imagesize::ImageType::Png) => "image/png",
        Ok(imagesize::ImageType::Jpeg) => "image/jpeg",
        Ok(imagesize::ImageType::Gif) => "image/gif",
        Ok(imagesize::ImageType::Webp) => "image/webp",
        _ if bytes.get(4..8) == Some(b"ftyp") => "video/mp4",
        _ if stated.is_some_and(|stated| stated.starts_with("text/plain")) => "text/plain",
        _ => "application/octet-stream",
    }
}
