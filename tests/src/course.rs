//! What a test of a platform begins with, by its [`Course`]: the account on the simulator, and a sidecar that has the app.

use crate::cluster::Database;
use crate::crierd::Crierd;
use crate::orders::Course;
use crate::sim::Sim;
use crate::stage::Stage;

impl Course {
    /// The account on its simulated platform. A test is to show what a try does, not how long a breaker or a pace waits.
    pub async fn simulated(&self) -> (Sim, Stage) {
        let sim = Sim::start();
        let secret = self.ready(&sim);
        let (database, server) = (Database::shared().await, sim.url_of(self.platform));
        let stage = Stage::connected_on(self.platform, database, self.handle, &server, &secret).await;
        stage.at_once().await;
        (sim, stage)
    }

    /// Adds the account to a simulator, with the settings of the platform; what the account is connected with there.
    pub(crate) fn ready(&self, sim: &Sim) -> String {
        let secret = self.secret_on(sim);
        sim.add_account(self.platform, self.handle, &secret);
        if let Some(settings) = self.settings {
            let set = sim.platform(self.platform).set(&settings());
            set.unwrap_or_else(|error| panic!("the settings of {}: {error}", self.platform));
        }
        secret
    }

    /// A sidecar with the variables of the course.
    pub async fn start(&self, sim: &Sim, stage: &Stage) -> Crierd {
        let server = sim.url_of(self.platform);
        let variables: Vec<_> =
            self.variables.iter().map(|(name, value)| (*name, value.replace("SERVER", &server))).collect();
        let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        stage.deployment.start_with(&variables).await
    }
}
