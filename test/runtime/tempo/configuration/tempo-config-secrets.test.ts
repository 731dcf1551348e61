import { literalSecrets } from '../../../../runtime/tempo/configuration/tempo-config-secrets';

describe('secrets in clear', () => {
  it.each([
    ['a: 1\n# secret_key: hidden', ['comment in line 2']],
    ['a: |\n  # no comment\nb: 2 # password=hidden', ['comment in line 3']],
    ['# tokens:\n#   - hidden\na: 1', ['comment in line 1']],
    ['# headers:\n#   X-Key: hidden', ['comment in line 1']],
    ['# {user: a, clientSecret: hidden}', ['comment in line 1']],
    ['# see http://me:hidden@host', ['comment in line 1']],
    ['a: {url: "http://host/x?token=hidden"}', ['a.url']],
    ['a: {url: "https://host/x?sv=1&sig=hidden"}', ['a.url']],
    ['a: "DefaultEndpoints=https;AccountKey=hidden"', ['a']],
    ['w: {headers: {X-Scope-OrgID: t, X-Custom: hidden}}', ['w.headers.X-Custom']],
    ['w: {headers: [{name: X-Custom, value: hidden}, {name: User-Agent, value: t}]}', ['w.headers[0].value']],
    ['w: {headers: ["X-Custom: hidden", "Content-Type: text"]}', ['w.headers[0]']],
    [
      'overrides: {defaults: {remote_write_headers: {X-Custom: hidden}}}',
      ['overrides.defaults.remote_write_headers.X-Custom'],
    ],
    ['a: {tokens: [hidden, hidden2], passwords: {me: hidden}}', ['a.tokens', 'a.passwords']],
    ['secret: {deep: [{value: hidden}]}', ['secret']],
    ['authorization: {type: Bearer, credentials: hidden}', ['authorization']],
    [
      'a: {clientSecret: hidden, secretAccessKey: hidden, api-key: hidden}',
      ['a.clientSecret', 'a.secretAccessKey', 'a.api-key'],
    ],
    ['a: {url: "redis://u:pa/hidden@h"}', ['a.url']],
    ['a: "first http://host then redis://:hidden@h"', ['a']],
    ['a: {secret_key: !!binary aGlkZGVu}', ['a.secret_key']],
    ['a: {secret_key: "${K:?hidden: yes}"}', ['a.secret_key']],
    ['a: {secret_key: ${K:-hidden}}', ['a.secret_key']],
    ['a: {secret_key: ${K:hidden}}', ['a.secret_key']],
    ['a: |\n  user: me\n  password: hidden', ['a']],
    ['? "redis://u:hidden@h"\n: x', [' (one of its keys)']],
  ])('are found in %j, without their values', (text, places) => {
    expect(literalSecrets(text)).toEqual(places);
    expect(literalSecrets(text).join(' ')).not.toContain('hidden');
  });

  it.each([
    ['a: {token_ttl: 5m, access_key_id: AKIA, tls_cert_path: /c.pem, secret_name: x, secretName: x}'],
    ['a: {password_file: /p, credentials_file: /p, bearer_token_file: /p, tokens_file_path: /p, num_tokens: 512}'],
    ['a: {password: true, secret: "", token: null, tokens: [], secretKeyRef: {name: x, key: y}}'],
    ['credentials: {type: Bearer, credentials_file: /p}\nsecret: {name: x, namespace: y}'],
    ['cors: {allowed_headers: [X-Custom], headers: {Content-Type: a, User-Agent: 5, X-Scope-OrgID: t, Empty: ""}}'],
    ['a: {secret_key: ${K}, password: "${P:}", token: "${T:-}", url: "http://${U}:${P}@host"}'],
    ['a: {url: "http://host:3200/x?tenant=a&limit=5", address: "dns:///h:9095", mail: me@host}'],
    [
      '# The token: is in the environment\n# secret_key: ${SECRET}\n# password: ""\n# Tokens: see the handbook\na: "# secret_key: x"',
    ],
    ['# url: http://host:3200\n# token_ttl: 5m, password_file=/p'],
  ])('are not seen in %j', (text) => {
    expect(literalSecrets(text)).toEqual([]);
  });
});
