//! The worker processes.

use std::fs::File;
use std::process::{Child, Stdio};

use super::Plan;
use super::dice::Dice;
use crate::process::bound_to_this_thread;

/// A process that runs.
struct Process {
    name: String,
    child: Child,
}

/// All that run.
pub(super) struct Fleet {
    plan: Plan,
    url: String,
    running: Vec<Process>,
    started: usize,
}

impl Fleet {
    pub(super) fn start(plan: &Plan, url: String) -> Result<Self, String> {
        let mut fleet = Self { plan: plan.clone(), url, running: vec![], started: 0 };
        for at in 0..plan.processes {
            fleet.launch(at)?;
        }
        Ok(fleet)
    }

    /// Starts the process for a place.
    fn launch(&mut self, at: usize) -> Result<(), String> {
        let plan = &self.plan;
        let name = format!("w{}", self.started);
        self.started += 1;
        // the first ones take what is left over
        let sessions = plan.workers / plan.processes + usize::from(at < plan.workers % plan.processes);
        let errors =
            File::create(plan.dir.join(format!("{name}.stderr"))).map_err(|error| error.to_string())?;
        let child = bound_to_this_thread(&plan.program)
            .args(["worker", "--name", &name, "--url", &self.url])
            .args(["--sessions", &sessions.to_string(), "--seed", &plan.seed.to_string(), "--dir"])
            .arg(&plan.dir)
            .stdout(Stdio::null())
            .stderr(errors)
            .spawn()
            .map_err(|error| format!("can't start {}: {error}", plan.program.display()))?;
        self.running.insert(at.min(self.running.len()), Process { name, child });
        Ok(())
    }

    /// Kills one at random and puts another in its place; gives the names of its sessions.
    pub(super) fn kill_one(&mut self, dice: &mut Dice) -> Result<Vec<String>, String> {
        let at = usize::try_from(dice.below(self.running.len() as u64)).unwrap_or_default();
        let mut process = self.running.remove(at);
        process.child.kill().map_err(|error| error.to_string())?;
        process.child.wait().map_err(|error| error.to_string())?;
        self.launch(at)?;
        let most = self.plan.workers.div_ceil(self.plan.processes);
        Ok((0..most).map(|session| format!("{}.{session}", process.name)).collect())
    }

    /// None ends but by being killed here.
    pub(super) fn check(&mut self) -> Result<(), String> {
        for process in &mut self.running {
            if let Ok(Some(status)) = process.child.try_wait() {
                let path = self.plan.dir.join(format!("{}.stderr", process.name));
                let said = std::fs::read_to_string(path).unwrap_or_default();
                return Err(format!("worker process {} ended with {status}:\n{said}", process.name));
            }
        }
        Ok(())
    }

    pub(super) fn stop(&mut self) {
        for mut process in self.running.drain(..) {
            let _ = process.child.kill();
            let _ = process.child.wait();
        }
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.stop();
    }
}
