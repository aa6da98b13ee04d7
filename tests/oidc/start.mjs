// A real OAuth 2 authorization server (oidc-provider) at the addresses of X: PKCE is required, refresh tokens rotate, one
// that comes twice ends the grant. What is ours is the API behind it: who a token is of, and posts.
//
//   node start.mjs PORT REDIRECT_URI CLIENT_ID CLIENT_SECRET SECONDS_OF_ACCESS
import Provider from 'oidc-provider';

const [port, redirect, id, secret, seconds] = process.argv.slice(2);
// it warns of what is for development: that is what this is
console.warn = console.info = () => {};
const scopes = ['tweet.read', 'tweet.write', 'users.read', 'media.write', 'offline.access'];
const counts = { refreshed: 0, reused: 0, exchanged: 0 };

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{
    client_id: id, client_secret: secret, redirect_uris: [redirect], response_types: ['code'],
    grant_types: ['authorization_code', 'refresh_token'], token_endpoint_auth_method: 'client_secret_basic',
  }],
  routes: { authorization: '/i/oauth2/authorize', token: '/2/oauth2/token', revocation: '/2/oauth2/revoke' },
  pkce: { required: () => true },
  rotateRefreshToken: true,
  issueRefreshToken: async () => true,
  scopes,
  ttl: {
    AccessToken: Number(seconds), AuthorizationCode: 30, RefreshToken: 86400, Grant: 86400, Session: 86400, Interaction: 600,
  },
  features: { devInteractions: { enabled: true }, revocation: { enabled: true } },
  findAccount: async (_ctx, sub) => ({ accountId: sub, claims: async () => ({ sub }) }),
  cookies: { keys: ['a test'] },
});

provider.on('grant.success', (ctx) => {
  counts[ctx.oidc.params.grant_type === 'refresh_token' ? 'refreshed' : 'exchanged'] += 1;
});
provider.on('grant.revoked', () => { counts.reused += 1; });

const problem = (ctx) => {
  ctx.status = 401;
  ctx.body = { title: 'Unauthorized', type: 'about:blank', status: 401, detail: 'Unauthorized' };
};
let posts = 0;
provider.use(async (ctx, next) => {
  if (ctx.path === '/counts') { ctx.body = counts; return; }
  if (!['/2/users/me', '/2/tweets'].includes(ctx.path)) { await next(); return; }
  const token = await provider.AccessToken.find((ctx.get('authorization') || '').replace(/^Bearer /, ''));
  if (!token) { problem(ctx); return; }
  if (ctx.path === '/2/users/me') { ctx.body = { data: { id: token.accountId, username: `u${token.accountId}` } }; return; }
  posts += 1;
  ctx.status = 201;
  // ids grow, also over a restart
  ctx.body = { data: { id: `${Date.now()}${posts}`, text: 'posted' } };
});

const server = provider.listen(Number(port), '127.0.0.1', () => console.log('READY'));
server.on('error', (error) => { console.error(error.message); process.exit(1); });
