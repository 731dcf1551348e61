import { isTempoConfig, secretsInText } from '../../../../runtime/tempo/configuration/find-tempo-config';

describe("Tempo's configuration among other texts", () => {
  it.each([
    ['tempo.yaml', 'storage: {trace: {backend: local}}', true],
    ['anything.yml', 'distributor: {}', true],
    ['overrides.yaml', 'overrides: {}', true],
    ['tempo.yaml', 'storage: [', true],
    ['tempo-query.yaml', 'backend: tempo:3200', false],
    ['other.yaml', 'a: [', false],
    ['notes.txt', 'storage: yes', false],
    ['list.yaml', '- a', false],
  ])('is known: %s with %j', (name, text, expected) => {
    expect(isTempoConfig({ name, text })).toBe(expected);
  });
});

describe('secrets in a text of any kind', () => {
  it.each([
    ['a.yaml', 'storage: {trace: {s3: {secret_key: abc}}}', ['storage.trace.s3.secret_key']],
    ['a.yaml', 'storage: {trace: {s3: {secret_key: "${KEY}"}}}', []],
    ['a.sh', 'echo\nexport URL=https://u:pass@host\n', ['line 2']],
    ['a.conf', '[x]\npassword: abc\n', ['line 2']],
    ['a.txt', '-----BEGIN RSA PRIVATE KEY-----\nabc\n', ['line 1']],
    ['a.txt', 'nothing\nhere\n', []],
  ])('are found by their place: %s with %j', (name, text, expected) => {
    expect(secretsInText({ name, text })).toEqual(expected);
  });
});
