//! What a person does at a browser: with a mouse, and with a keyboard.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Chromium, Refused};
use crate::wait::{SOON, wait_for};

/// What the driver calls an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// Keys without a letter.
pub mod keys {
    /// Goes on to the next thing.
    pub const TAB: &str = "\u{E004}";
    /// Does it.
    pub const ENTER: &str = "\u{E007}";
    /// Chooses it.
    pub const SPACE: &str = " ";
}

impl Chromium {
    /// Whether there is something. `what` is a selector of CSS, or a path of XPath where it begins with `//`.
    pub async fn has(&self, what: &str) -> bool {
        self.find(what).await.is_ok()
    }

    /// Waits until there is something.
    ///
    /// # Panics
    /// When it does not come.
    pub async fn sees(&self, what: &str) {
        wait_for(what, SOON, async || match self.find(what).await {
            Ok(_) => Ok(()),
            Err(refused) => Err((refused.error, self.url().await, self.text().await)),
        })
        .await;
    }

    /// Waits until a text is to be read.
    ///
    /// # Panics
    /// When it does not come.
    pub async fn reads(&self, text: &str) {
        wait_for(&format!("{text:?} to be read"), SOON, async || {
            let seen = self.text().await;
            if seen.contains(text) { Ok(()) } else { Err((self.url().await, seen)) }
        })
        .await;
    }

    /// Clicks at something, once it is there.
    ///
    /// # Panics
    /// When it does not come.
    pub async fn click(&self, what: &str) {
        self.on(what, "click", json!({})).await;
    }

    /// Writes into a field what it shall have.
    ///
    /// # Panics
    /// When there is no such field.
    pub async fn write(&self, what: &str, text: &str) {
        self.on(what, "clear", json!({})).await;
        self.on(what, "value", json!({ "text": text })).await;
    }

    /// Sets a field whose keys depend on the language, as a person does who chooses from it.
    ///
    /// # Panics
    /// When there is no such field.
    pub async fn set(&self, what: &str, value: &str) {
        self.sees(what).await;
        let script = "const field = document.querySelector(arguments[0]); field.value = arguments[1]; \
             field.dispatchEvent(new Event('change', { bubbles: true }))";
        self.run(script, &[json!(what), json!(value)]).await;
    }

    /// Says yes to a question of the page.
    ///
    /// # Panics
    /// When it asks none.
    pub async fn agree(&self) {
        wait_for("a question", SOON, async || self.ask(Method::POST, "/alert/accept", json!({})).await).await;
    }

    /// Presses keys, one after the other, wherever the page is.
    ///
    /// # Panics
    /// When it can't.
    pub async fn press(&self, keys: &str) {
        let steps: Vec<_> = keys
            .chars()
            .flat_map(|key| {
                ["keyDown", "keyUp"].map(|kind| json!({ "type": kind, "value": key.to_string() }))
            })
            .collect();
        self.must("/actions", json!({ "actions": [{ "type": "key", "id": "keys", "actions": steps }] }))
            .await;
    }

    /// Drags something onto another with a mouse.
    ///
    /// # Panics
    /// When one of them is not there.
    pub async fn drag(&self, what: &str, onto: &str) {
        self.sees(onto).await;
        let from = self.find(what).await.unwrap_or_else(|refused| panic!("{what}: {refused:?}"));
        let to = self.find(onto).await.unwrap_or_else(|refused| panic!("{onto}: {refused:?}"));
        let at = |element: &str| json!({ ELEMENT: element });
        let steps = json!([
            { "type": "pointerMove", "duration": 0, "origin": at(&from), "x": 0, "y": 0 },
            { "type": "pointerDown", "button": 0 },
            { "type": "pointerMove", "duration": 200, "origin": "pointer", "x": 12, "y": 12 },
            { "type": "pointerMove", "duration": 400, "origin": at(&to), "x": 0, "y": 0 },
            { "type": "pointerMove", "duration": 100, "origin": at(&to), "x": 3, "y": 3 },
            { "type": "pointerUp", "button": 0 },
        ]);
        let mouse = json!({ "type": "pointer", "id": "mouse", "parameters": { "pointerType": "mouse" }, "actions": steps });
        self.must("/actions", json!({ "actions": [mouse] })).await;
    }

    /// A page may renew itself in between: then it is looked for once more.
    async fn on(&self, what: &str, act: &str, body: Value) {
        wait_for(&format!("{act} at {what}"), SOON, async || {
            let element = self.find(what).await?;
            self.ask(Method::POST, &format!("/element/{element}/{act}"), body.clone()).await
        })
        .await;
    }

    async fn find(&self, what: &str) -> Result<String, Refused> {
        let using = if what.starts_with("//") { "xpath" } else { "css selector" };
        let found = self.ask(Method::POST, "/element", json!({ "using": using, "value": what })).await?;
        Ok(found[ELEMENT].as_str().unwrap_or_default().to_owned())
    }
}
