// graphile-worker for Crier's benchmark.
// Usage: node worker.js migrate URL   makes its tables
//        node worker.js work URL      prints READY, waits for a line, works, prints STARTED and then, for the jobs it
//                                     took, lines `NUMBER MILLISECONDS,…` with the number in the payload and the time
//                                     since 1970; ends when its standard input closes
const { run, runMigrations, Logger } = require('graphile-worker');

const FIRST = 1_000_000_000; // what payload.rs adds to each number
const quiet = new Logger(() => () => {});

const preset = (connectionString) => ({
  worker: {
    connectionString,
    logger: quiet,
    concurrentJobs: 24,
    maxPoolSize: 10,
    pollInterval: 2000,
    localQueue: { size: 500 },
    // what ends in one turn of the event loop is written at once
    completeJobBatchDelay: 0,
    failJobBatchDelay: 0,
  },
});

async function work(url) {
  let taken = [];
  const print = () => {
    process.stdout.write(taken.join(',') + '\n');
    taken = [];
  };
  const bench = (payload) => {
    if (taken.length === 0) setTimeout(print, 5);
    taken.push(`${payload.n - FIRST} ${(performance.timeOrigin + performance.now()).toFixed(3)}`);
  };
  process.stdin.on('end', () => process.exit(0)); // whoever started it is gone
  process.stdin.once('data', async () => {
    await run({ preset: preset(url), taskList: { bench }, noHandleSignals: true });
    console.log('STARTED');
  });
  console.log('READY');
}

async function main() {
  const [command, url] = process.argv.slice(2);
  if (command === 'migrate' && url) await runMigrations({ preset: preset(url) });
  else if (command === 'work' && url) await work(url);
  else throw new Error('usage: node worker.js migrate|work URL');
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
