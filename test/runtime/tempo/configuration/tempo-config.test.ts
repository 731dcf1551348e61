import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '../../../../runtime/errors';
import { retentionOf } from '../../../../runtime/tempo/configuration/retention';
import { readTempoConfig, type TempoConfig } from '../../../../runtime/tempo/configuration/tempo-config';
import { literalSecrets } from '../../../../runtime/tempo/configuration/tempo-config-secrets';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

function read(...texts: string[]): TempoConfig {
  return readTempoConfig(texts.map((text, index) => ({ name: `file-${index}.yaml`, text })));
}

function retention(tenant: string, ...texts: string[]): number {
  return retentionOf(read(...texts).retention, tenant) / HOUR;
}

function fixture(name: string): string {
  return readFileSync(join(__dirname, '../../../fixtures', name, 'tempo.yaml'), 'utf8');
}

describe("Tempo's configuration", () => {
  it('of a real 2.9 says what restore needs to know', () => {
    const config = read(fixture('tempo-2.9'));
    expect(config).toMatchObject({
      version: '2.x',
      completeBlockTimeout: HOUR,
      rf1After: undefined,
      tracesPath: '/var/tempo/traces',
      walPath: '/var/tempo/wal',
    });
    expect(retentionOf(config.retention, 'team-a')).toBe(24 * HOUR);
  });

  it('of a real 3.0 says what restore needs to know', () => {
    const config = read(fixture('tempo-3.0'));
    expect(config).toMatchObject({
      version: '3.0',
      completeBlockTimeout: 20 * MINUTE,
      tracesPath: '/var/tempo/traces',
      walPath: '/var/tempo/live-store/traces',
    });
    expect(retentionOf(config.retention, 'team-a')).toBe(24 * HOUR);
  });

  it('has the defaults of its version', () => {
    expect(read('ingester: {}')).toMatchObject({ version: '2.x', completeBlockTimeout: 15 * MINUTE });
    expect(read('live_store: {}')).toMatchObject({ version: '3.0', completeBlockTimeout: 20 * MINUTE });
    expect(read('server: {}').version).toBeUndefined();
    expect(retention('a', 'ingester: {}')).toBe(336);
    expect(retention('a')).toBe(336);
    expect(read('').retention.origin).toBe("'file-0.yaml'");
  });

  it('knows that a 2.x that writes vParquet5 is 2.10 at least', () => {
    const writing = (format: string) => read(`ingester: {}\nstorage: {trace: {block: {version: ${format}}}}`).version;
    expect(writing('vParquet5')).toBe('2.10');
    expect(writing('vParquet4')).toBe('2.x');
    expect(writing('vParquet5-preview2')).toBe('2.x');
  });

  it('knows from when on 2.x shows blocks of factor 1', () => {
    expect(read('query_frontend: {rf1_after: 2026-01-02T03:04:05Z}').rf1After).toEqual(
      new Date('2026-01-02T03:04:05Z'),
    );
    expect(read('query_frontend: {rf1_after: "0001-01-01T00:00:00Z"}').rf1After).toBeUndefined();
  });

  it.each([
    ['not YAML', 'a: [', /isn't YAML/],
    ['no mapping', '- a', /isn't a mapping/],
    [
      'no duration',
      'compactor: {compaction: {block_retention: soon}}',
      /'compactor.compaction.block_retention' in 'file-0.yaml': 'soon' is no duration/,
    ],
  ])('throws when it is %s', (_, text, message) => {
    expect(() => read(text)).toThrow(UsageError);
    expect(() => read(text)).toThrow(message);
  });
});

describe('block retention', () => {
  it('is certain where all that may say it was read', () => {
    const isCertain = (...texts: string[]): boolean => read(...texts).retention.isCertain;
    const main = 'overrides: {per_tenant_override_config: /conf/overrides.yaml}\ningester: {}';
    expect(isCertain()).toBe(false);
    expect(isCertain('ingester: {}')).toBe(true);
    expect(isCertain(main)).toBe(false);
    expect(isCertain(main, 'overrides: {team-a: {compaction: {block_retention: 48h}}}')).toBe(true);
  });

  it.each([
    ['336h', 336],
    ['14d', 336],
    ['1h30m', 1.5],
    ['24h0m0s', 24],
    ['2w', 336],
    ['3600000000000', 1],
  ])('reads %s', (text, hours) => {
    expect(retention('a', `compactor: {compaction: {block_retention: ${text}}}`)).toBe(hours);
  });

  it.each([
    ['48h', '24h', 24],
    ['24h', '48h', 24],
  ])('of 3.0 is the smaller of the worker (%s) and the scheduler (%s)', (worker, scheduler, hours) => {
    const config = `
backend_worker: {compaction: {block_retention: ${worker}}}
backend_scheduler: {provider: {compaction: {compaction: {block_retention: ${scheduler}}}}}`;
    expect(retention('a', config)).toBe(hours);
  });

  it('of 3.0 is the default of the other when only one is set', () => {
    expect(retention('a', 'backend_scheduler: {provider: {compaction: {compaction: {block_retention: 1000h}}}}')).toBe(
      336,
    );
  });

  it("doesn't mix the modules of two versions", () => {
    expect(
      retention(
        'a',
        'backend_worker: {compaction: {block_retention: 48h}}\ncompactor: {compaction: {block_retention: 1h}}',
      ),
    ).toBe(48);
  });

  it.each([
    ['flat', 'overrides: {block_retention: 10h}'],
    ['grouped', 'overrides: {defaults: {compaction: {block_retention: 10h}}}'],
  ])('follows the %s default override', (_, overrides) => {
    expect(retention('a', `compactor: {}\n${overrides}`)).toBe(10);
  });

  it.each([
    ['flat', 'overrides: {team-a: {block_retention: 5h}, "*": {block_retention: 7h}}'],
    ['grouped', 'overrides: {team-a: {compaction: {block_retention: 5h}}, "*": {compaction: {block_retention: 7h}}}'],
  ])('follows the %s overrides of tenants, given in any order of files', (_, tenants) => {
    const main =
      'compactor: {compaction: {block_retention: 100h}}\noverrides: {per_tenant_override_config: /conf/overrides.yaml}';
    for (const files of [
      [main, tenants],
      [tenants, main],
    ]) {
      expect([retention('team-a', ...files), retention('team-b', ...files)]).toEqual([5, 7]);
    }
  });

  it('takes nothing from the default override for a tenant that has one of its own, and 0 for unset', () => {
    const main =
      'compactor: {compaction: {block_retention: 100h}}\noverrides: {defaults: {compaction: {block_retention: 10h}}}';
    const tenants = 'overrides: {team-a: {ingestion: {max_traces_per_user: 1}}, team-b: {block_retention: 0s}}';
    expect(['team-a', 'team-b', 'team-c'].map((tenant) => retention(tenant, main, tenants))).toEqual([100, 100, 10]);
  });

  it.each([
    ['compactor: {disabled: true}'],
    ['compactor: {}\noverrides: {compaction_disabled: true}'],
    ['backend_worker: {}\noverrides: {defaults: {compaction: {compaction_disabled: true}}}'],
  ])('is endless with %s', (config) => {
    expect(retention('a', config)).toBe(Infinity);
  });

  it.each([
    ['${KEEP:-48h}', 48],
    ['${KEEP:48h}', 48],
    ['${KEEP-48h}', 48],
    ['${KEEP}', 336],
    ['${KEEP:?must be set}', 336],
  ])('reads %s as a variable', (text, hours) => {
    expect(retention('a', `compactor: {compaction: {block_retention: ${text}}}`)).toBe(hours);
  });
});

describe('literal secrets', () => {
  it.each([
    ['storage: {trace: {s3: {access_key: name, secret_key: hidden}}}', ['storage.trace.s3.secret_key']],
    ['storage: {trace: {azure: {storage_account_key: hidden}}}', ['storage.trace.azure.storage_account_key']],
    ['a: {password: 12345, basic_auth: {username: me, password: x}}', ['a.password', 'a.basic_auth.password']],
    [
      'remote_write: [{url: http://a, bearer_token: t}, {headers: {Authorization: Basic abc}}]',
      ['remote_write[0].bearer_token', 'remote_write[1].headers.Authorization'],
    ],
    ['ingest: {kafka: {sasl_username: u, sasl_password: p}}', ['ingest.kafka.sasl_password']],
    ['remote_write: [{url: "https://me:pass@prometheus"}]', ['remote_write[0].url']],
    ['tls: {key: "-----BEGIN RSA PRIVATE KEY----- abc"}', ['tls.key']],
    ['s3: {secret_key: "${SECRET:-hidden}"}', ['s3.secret_key']],
  ])('are found in %s', (text, paths) => {
    expect(literalSecrets(text)).toEqual(paths);
  });

  it.each([
    ['s3: {access_key: "${ID}", secret_key: "${SECRET}"}'],
    ['s3: {secret_key: ""}\nb: {password: null}'],
    ['tls: {tls_key_path: /certs/tls.key, bearer_token_file: /run/token, password_file: /run/password}'],
    ['remote_write: [{url: "https://prometheus:9090/api"}]'],
    ['auth_enabled: true\ntokens: 512'],
  ])('are not seen in %s', (text) => {
    expect(literalSecrets(text)).toEqual([]);
  });

  it('are not in the configurations of the fixtures', () => {
    expect([...literalSecrets(fixture('tempo-2.9')), ...literalSecrets(fixture('tempo-3.0'))]).toEqual([]);
  });
});
