// A real Bluesky PDS and a real did:plc directory in one process, on loopback only.
// Usage: node start.js DATADIR   (RATE=1 turns rate limits on; TOKEN_AGE and NONCE_AGE, in ms, shorten what OAuth gives)
// Prints one line `READY pds=http://… plc=http://…`; ends on SIGTERM, SIGINT or when its standard input closes.
const crypto = require('node:crypto');
const events = require('node:events');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');

// Hours and minutes in production. They are read when the server is made, so they are changed before it is loaded.
const provider = path.dirname(require.resolve('@atproto/oauth-provider'));
const times = require(path.join(provider, 'constants.js'));
if (process.env.TOKEN_AGE) times.TOKEN_MAX_AGE = +process.env.TOKEN_AGE;
if (process.env.NONCE_AGE) times.DPOP_NONCE_MAX_AGE = +process.env.NONCE_AGE;

const { PlcServer, Database } = require('@did-plc/server');
const { PDS, envToCfg, envToSecrets } = require('@atproto/pds');

// Both servers would listen on every interface, and the PDS must know its port before it starts: a socket that
// listens already, on a free port of loopback, is handed to each in place of the one it would open.
async function loopbackServer() {
  const server = http.createServer();
  server.listen(0, '127.0.0.1');
  await events.once(server, 'listening');
  return server;
}

function serveOn(app, server) {
  app.listen = () => {
    server.on('request', watched(app));
    setImmediate(() => server.emit('listening')); // the PDS waits for it
    return server;
  };
}

// What tests see of the wire, and what they do to it: `/test/seen`, `/test/lose-tokens`, `/test/read?instead=…&of=…`.
const seen = { tokens: [], bound: null };
let losing = false;

// Documents of apps are read from where they really are: no name outside of this machine is asked for.
const instead = new Map();
const fetchIt = globalThis.fetch;
globalThis.fetch = (input, init) => {
  const url = typeof input === 'string' ? input : (input.url ?? String(input));
  const { origin } = new URL(url);
  if (!instead.has(origin)) return fetchIt(input, init);
  return fetchIt(instead.get(origin) + url.slice(origin.length), { headers: init?.headers, redirect: 'error' });
};

function watched(app) {
  return (req, res) => {
    if (req.url === '/test/seen') return res.end(JSON.stringify(seen));
    if (req.url === '/test/lose-tokens') {
      losing = true;
      return res.end();
    }
    if (req.url.startsWith('/test/read?')) {
      const query = new URL(req.url, 'http://localhost').searchParams;
      instead.set(query.get('of'), query.get('instead'));
      return res.end();
    }
    const { authorization, dpop } = req.headers;
    if (authorization && dpop) seen.bound = { authorization, dpop, method: req.method, url: req.url };
    if (req.url === '/oauth/token') {
      const end = res.end;
      res.end = (...args) => {
        seen.tokens.push(res.statusCode);
        if (!losing || res.statusCode !== 200) return end.apply(res, args);
        losing = false; // all is done, and nobody hears of it
        res.destroy();
        return res;
      };
    }
    app(req, res);
  };
}

async function main() {
  const dir = process.argv[2];
  if (!dir) throw new Error('usage: node start.js DATADIR');
  fs.mkdirSync(path.join(dir, 'blobs'), { recursive: true });

  const plcSocket = await loopbackServer();
  const plcPort = plcSocket.address().port;
  const plc = PlcServer.create({ db: Database.mock(), port: plcPort }); // kept in memory
  serveOn(plc.app, plcSocket);
  await plc.start();

  const pdsSocket = await loopbackServer();
  const port = pdsSocket.address().port;
  const rotationKey = crypto.createECDH('secp256k1');
  rotationKey.generateKeys();
  const env = {
    port,
    hostname: 'localhost',
    devMode: true,
    version: 'test',
    dataDirectory: dir,
    blobstoreDiskLocation: path.join(dir, 'blobs'),
    didPlcUrl: `http://127.0.0.1:${plcPort}`,
    serviceHandleDomains: ['.test'],
    jwtSecret: crypto.randomBytes(32).toString('hex'),
    dpopSecret: crypto.randomBytes(32).toString('hex'),
    adminPassword: crypto.randomBytes(16).toString('hex'),
    plcRotationKeyK256PrivateKeyHex: rotationKey.getPrivateKey('hex').padStart(64, '0'),
    inviteRequired: false,
    disableSsrfProtection: true, // its own directory is on loopback
    crawlers: [],
    rateLimitsEnabled: process.env.RATE === '1',
    bskyAppViewUrl: 'http://127.0.0.1:9', // nothing listens there: no test leaves the machine
    bskyAppViewDid: 'did:web:localhost',
    trustedOAuthClients: [],
    rateLimitBypassIps: [],
    handleBackupNameservers: [],
  };
  const pds = await PDS.create(envToCfg(env), envToSecrets(env));
  serveOn(pds.app, pdsSocket);
  await pds.start();
  console.log(`READY pds=http://127.0.0.1:${port} plc=http://127.0.0.1:${plcPort}`);

  const stop = async () => {
    await pds.destroy();
    await plc.destroy();
    process.exit(0);
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  process.stdin.on('end', () => process.exit(0)); // whoever started it is gone
  process.stdin.resume();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
