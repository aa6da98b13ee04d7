//! A process full of workers that do everything a worker may do, and some things it should not.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use tokio_postgres::Row;
use uuid::Uuid;

use super::client::{
    Abilities, CLAIM, CLAIM_WAIT, COMPLETE, Client, EXCHANGE, EXTEND, FAIL, SNOOZE, Trouble, results, seconds,
};
use super::dice::Dice;
use super::history::{
    Accepted, Answer, Ask, Claimed, LONGEST_SNOOZE, Micros, Op, Reply, Wanted, Writer, now,
};

/// What one process is told.
#[derive(Clone, Debug)]
pub struct Orders {
    /// The database, with the role of a worker.
    pub url: String,
    /// Where the histories go.
    pub dir: PathBuf,
    /// The name of the process; its sessions are called NAME.0, NAME.1, …
    pub name: String,
    /// How many sessions.
    pub sessions: usize,
    /// Decides every choice.
    pub seed: u64,
}

const MILLISECOND: Micros = 1_000;
const FEWEST: i64 = 1;
const MOST: i64 = 20;

/// Works until it is killed.
pub async fn run(orders: Orders) {
    let workers = (0..orders.sessions).map(|at| {
        let name = format!("{}.{at}", orders.name);
        let history = Writer::create(&orders.dir, &name);
        let client = Client::new(orders.url.clone(), history);
        let dice = Dice::new(orders.seed, &name);
        tokio::spawn(async move {
            let mut worker = Worker { client, name, dice, can: Abilities::default(), late: Vec::new() };
            worker.work().await;
        })
    });
    for worker in workers.collect::<Vec<_>>() {
        // it ends only by a panic, and then so does the process
        if let Err(error) = worker.await {
            std::panic::resume_unwind(error.into_panic());
        }
    }
}

struct Worker {
    client: Client,
    name: String,
    dice: Dice,
    can: Abilities,
    /// Answers for later: some of them on purpose when the lease has run out.
    late: Vec<(Instant, Reply)>,
}

impl Worker {
    async fn work(&mut self) {
        self.can = loop {
            // a query and not Abilities::of alone, because the server may be gone again
            let session = self.client.connected().await;
            if session.try_text("SELECT 1").await.is_ok() {
                break Abilities::of(session).await;
            }
        };
        let mut along: Vec<Reply> = Vec::new();
        loop {
            self.answer_late().await;
            let claimed = self.claim(std::mem::take(&mut along)).await;
            if claimed.is_empty() {
                self.pause(5, 60).await;
                continue;
            }
            if self.dice.percent(2) {
                // hangs until after the lease
                self.pause(500, 2_500).await;
            } else {
                self.pause(0, 40).await;
            }
            along = self.deal_with(claimed).await;
        }
    }

    async fn pause(&mut self, from: i64, to: i64) {
        let time = self.dice.between(from, to).unsigned_abs();
        sleep(Duration::from_millis(time)).await;
    }

    /// Asks for jobs; gives the answers of the last ones along where there are any.
    async fn claim(&mut self, along: Vec<Reply>) -> Vec<Claimed> {
        let max = self.dice.between(FEWEST, MOST) as i32;
        let lease = self.dice.between(500, 2_000) * MILLISECOND;
        let waits = self.can.wait && self.dice.percent(30);
        let wait = if waits { self.dice.between(1, 300) * MILLISECOND } else { 0 };
        self.call(along, Some(Wanted { max, lease, wait })).await.unwrap_or_default()
    }

    /// Answers for most of the jobs, keeps some for later and forgets some. What is left over goes with the next claim.
    async fn deal_with(&mut self, jobs: Vec<Claimed>) -> Vec<Reply> {
        let mut replies: Vec<Reply> = Vec::new();
        let mut extended = Vec::new();
        for job in jobs {
            let reply = |op| Reply { op, id: job.id, token: job.token };
            match self.dice.below(100) {
                0..78 => replies.push(reply(Op::Complete)),
                78..86 => replies.push(reply(Op::Fail)),
                86 => replies.push(reply(Op::GiveUp)),
                87..91 => replies.push(reply(Op::Snooze)),
                91..96 => extended.push(reply(Op::Extend)),
                96..98 => {
                    let ops = [Op::Complete, Op::Complete, Op::Fail, Op::Snooze, Op::Extend];
                    let op = *self.dice.pick(&ops).unwrap_or(&Op::Complete);
                    let rest = (job.until - now()).max(0) + self.dice.between(-50, 800) * MILLISECOND;
                    self.later(Duration::from_micros(rest.max(0).unsigned_abs()), reply(op));
                }
                _ => {}
            }
        }
        if !extended.is_empty() {
            let ends = extended.iter().map(|reply| Reply { op: Op::Complete, ..reply.clone() });
            let ends: Vec<_> = ends.collect();
            self.send(extended).await;
            self.pause(0, 100).await;
            replies.extend(ends);
        }
        let goes_along = |reply: &Reply| matches!(reply.op, Op::Complete | Op::Fail);
        let along = if self.can.exchange && self.dice.percent(50) {
            let (along, rest) = replies.into_iter().partition(goes_along);
            replies = rest;
            along
        } else {
            Vec::new()
        };
        for op in [Op::Complete, Op::Fail, Op::GiveUp, Op::Snooze] {
            let (these, rest): (Vec<_>, _) = replies.into_iter().partition(|reply| reply.op == op);
            replies = rest;
            self.send(these).await;
        }
        along
    }

    fn later(&mut self, wait: Duration, reply: Reply) {
        self.late.push((Instant::now() + wait, reply));
    }

    async fn answer_late(&mut self) {
        let (due, rest) =
            std::mem::take(&mut self.late).into_iter().partition(|(at, _)| *at <= Instant::now());
        self.late = rest;
        let due: Vec<(Instant, Reply)> = due;
        for (_, reply) in due {
            self.send(vec![reply]).await;
        }
    }

    async fn send(&mut self, replies: Vec<Reply>) {
        if !replies.is_empty() {
            self.call(replies, None).await;
        }
    }

    /// One call, written down before and after. An answer that is lost is given again later, as it should be.
    async fn call(&mut self, answers: Vec<Reply>, claim: Option<Wanted>) -> Option<Vec<Claimed>> {
        let call = self.client.history.asked(Ask::Work { answers: answers.clone(), claim });
        match self.ask(&answers, claim).await {
            Ok((accepted, claimed)) => {
                let answer = Answer::Worked { accepted, claimed: claimed.clone() };
                self.client.history.answered(call, answer);
                Some(claimed)
            }
            Err(trouble) => {
                self.client.history.line(&trouble.line(call));
                for reply in answers {
                    self.later(Duration::from_millis(20), reply);
                }
                None
            }
        }
    }

    async fn ask(
        &mut self,
        answers: &[Reply],
        claim: Option<Wanted>,
    ) -> Result<(Vec<Accepted>, Vec<Claimed>), Trouble> {
        let Some(first) = answers.first() else {
            return Ok((vec![], self.ask_for_jobs(claim).await?));
        };
        if let Some(wanted) = claim {
            return self.exchange(answers, wanted).await;
        }
        let ids: Vec<Uuid> = answers.iter().map(|reply| reply.id).collect();
        let tokens: Vec<i64> = answers.iter().map(|reply| reply.token).collect();
        let rows = match first.op {
            Op::Complete => {
                let results = results(&self.name, &tokens);
                self.client.query(COMPLETE, &[&ids, &tokens, &results]).await?
            }
            Op::Fail | Op::GiveUp => {
                let class = if first.op == Op::Fail { "transient" } else { "content_invalid" };
                let (classes, errors) = (vec![class; ids.len()], errors(ids.len()));
                self.client.query(FAIL, &[&ids, &tokens, &classes, &errors]).await?
            }
            Op::Snooze => {
                let wait = seconds(self.dice.between(0, LONGEST_SNOOZE));
                self.client.query(SNOOZE, &[&ids, &tokens, &wait]).await?
            }
            Op::Extend => {
                let lease = seconds(self.dice.between(2_000, 3_000) * MILLISECOND);
                self.client.query(EXTEND, &[&ids, &tokens, &lease]).await?
            }
        };
        let until = |row: &Row| (first.op == Op::Extend).then(|| row.get(1));
        let accepted = rows.iter().map(|row| Accepted { op: first.op, id: row.get(0), until: until(row) });
        Ok((accepted.collect(), vec![]))
    }

    async fn ask_for_jobs(&mut self, claim: Option<Wanted>) -> Result<Vec<Claimed>, Trouble> {
        let Some(Wanted { max, lease, wait }) = claim else { return Ok(vec![]) };
        let (lease, wait) = (seconds(lease), seconds(wait));
        let rows = if wait > 0.0 {
            self.client.query(CLAIM_WAIT, &[&self.name, &max, &lease, &wait]).await?
        } else {
            self.client.query(CLAIM, &[&self.name, &max, &lease]).await?
        };
        Ok(rows.iter().map(|row| claimed(row, 0)).collect())
    }

    async fn exchange(
        &mut self,
        answers: &[Reply],
        wanted: Wanted,
    ) -> Result<(Vec<Accepted>, Vec<Claimed>), Trouble> {
        let of = |op: Op| -> (Vec<Uuid>, Vec<i64>) {
            answers.iter().filter(|reply| reply.op == op).map(|reply| (reply.id, reply.token)).unzip()
        };
        let (completed, completed_tokens) = of(Op::Complete);
        let (failed, failed_tokens) = of(Op::Fail);
        let results = results(&self.name, &completed_tokens);
        let (classes, errors) = (vec!["transient"; failed.len()], errors(failed.len()));
        let (lease, wait) = (seconds(wanted.lease), seconds(wanted.wait));
        let rows = self
            .client
            .query(
                EXCHANGE,
                &[
                    &self.name,
                    &wanted.max,
                    &completed,
                    &completed_tokens,
                    &results,
                    &failed,
                    &failed_tokens,
                    &classes,
                    &errors,
                    &lease,
                    &wait,
                ],
            )
            .await?;
        let (mut accepted, mut given) = (Vec::new(), Vec::new());
        for row in &rows {
            match row.get(0) {
                "running" => given.push(claimed(row, 1)),
                "completed" => accepted.push(Accepted { op: Op::Complete, id: row.get(1), until: None }),
                _ => accepted.push(Accepted { op: Op::Fail, id: row.get(1), until: None }),
            }
        }
        Ok((accepted, given))
    }
}

fn errors(count: usize) -> Vec<Value> {
    vec![json!({"message": "the soak says so"}); count]
}

fn claimed(row: &Row, from: usize) -> Claimed {
    Claimed {
        id: row.get(from),
        token: row.get(from + 1),
        attempt: row.get(from + 2),
        until: row.get(from + 3),
    }
}
