import {
  type BackupOptions,
  COMMAND_NAMES,
  COMMANDS,
  optionsOf,
  type RestoreOptions,
  type VerifyOptions,
} from '../../../../lib/contract/command-line/commands';
import { EXIT_CODE_MEANINGS, ExitCode } from '../../../../lib/contract/exit-codes';
import { parseOptionValue } from '../../../../lib/contract/command-line/option-value';
import { toArguments } from '../../../../lib/contract/command-line/to-arguments';

describe('the commands', () => {
  it('are these', () => {
    expect(COMMAND_NAMES).toEqual([
      'backup',
      'list',
      'show',
      'verify',
      'restore',
      'prune',
      'snapshot',
      'rewind',
      'replicate',
    ]);
    expect(Object.values(COMMANDS).map(({ name }) => name)).toEqual(COMMAND_NAMES);
  });

  it('have the options that scripts and job templates rely on', () => {
    const common = ['config', 'repository', 'output', 'log-format', 'log-level'];
    const own = Object.fromEntries(
      COMMAND_NAMES.map((command) => {
        const names = optionsOf(command).map(({ name }) => name);
        expect(names.slice(-common.length)).toEqual(common);
        return [command, names.slice(0, -common.length)];
      }),
    );
    expect(own).toEqual({
      backup: ['scope', 'rule', 'pin', 'pin-for', 'allow'],
      list: [],
      show: ['config-diff'],
      verify: ['recovery-point', 'level', 'max-bytes', 'replica', 'max-lag', 'thaw', 'thaw-for'],
      restore: [
        'recovery-point',
        'target',
        'scope',
        'tenant',
        'from',
        'to',
        'block',
        'trace-id',
        'into-tenant',
        'dry-run',
        'in-cluster',
        'coordinate',
        'clear-wal',
        'replace',
        'tempo-version',
        'allow',
        'thaw',
        'thaw-for',
      ],
      prune: ['dry-run', 'allow'],
      snapshot: ['rule', 'name', 'claim', 'deadline', 'swap', 'dry-run', 'allow'],
      rewind: ['to', 'tenant', 'dry-run', 'allow', 'thaw', 'thaw-for'],
      replicate: ['to', 'dry-run'],
    });
  });

  it.each(COMMAND_NAMES)('%s has consistent options', (command) => {
    const options = optionsOf(command);
    expect(new Set(options.map(({ name }) => name)).size).toBe(options.length);
    for (const option of options) {
      expect(option.description).not.toBe('');
      if (option.type !== 'boolean') expect(option.value ?? option.choices).toBeDefined();
      if (option.default !== undefined) expect(() => parseOptionValue(option, option.default ?? '')).not.toThrow();
    }
  });

  it.each(COMMAND_NAMES)('%s ends with exit codes that have a meaning, done and interrupted among them', (command) => {
    const codes: readonly ExitCode[] = COMMANDS[command].exitCodes;
    expect(codes.map((code) => EXIT_CODE_MEANINGS[code])).not.toContain(undefined);
    expect(codes).toEqual(expect.arrayContaining([ExitCode.DONE, ExitCode.CONFIGURATION, ExitCode.INTERRUPTED]));
  });

  it('type their options', () => {
    // Checked by the compiler: a wrong name or type here fails `npm run types`.
    const backup: Partial<BackupOptions> = { scope: 'wal', rule: 'hourly', allow: ['other-source'], output: 'json' };
    const verify: Pick<VerifyOptions, 'recoveryPoint' | 'level' | 'maxBytes'> = {
      recoveryPoint: 'all',
      level: 'full',
      maxBytes: 1024,
    };
    const restore: Partial<RestoreOptions> = {
      from: new Date(0),
      dryRun: true,
      tenant: ['a'],
      intoTenant: 'b',
      traceId: '0f',
    };
    // @ts-expect-error an option that doesn't exist
    const misspelt: Partial<BackupOptions> = { scop: 'wal' };
    // @ts-expect-error a choice that doesn't exist
    const wrong: Partial<BackupOptions> = { scope: 'everything' };
    expect([backup, verify, restore, misspelt, wrong].map((options) => Object.keys(options).length)).toEqual([
      4, 3, 5, 1, 1,
    ]);
  });
});

describe('toArguments', () => {
  it('writes each option as one argument, its value with it', () => {
    const options = { scope: 'all', pin: '-before the upgrade', allow: ['source-regression', 'other-source'] } as const;
    expect(toArguments('backup', options)).toEqual([
      'backup',
      '--scope=all',
      '--pin=-before the upgrade',
      '--allow=source-regression',
      '--allow=other-source',
    ]);
  });

  it('writes flags that are set, times and positionals, and leaves out what is left out', () => {
    const from = new Date('2026-11-23T08:30:00Z');
    expect(toArguments('restore', { dryRun: true, replace: false, from, target: undefined, tenant: [] })).toEqual([
      'restore',
      '--from=2026-11-23T08:30:00.000Z',
      '--dry-run',
    ]);
    expect(toArguments('show', { id: 'latest', output: 'json' })).toEqual(['show', '--output=json', 'latest']);
    expect(toArguments('list')).toEqual(['list']);
    expect(toArguments('snapshot', { action: 'create', swap: false })).toEqual(['snapshot', 'create']);
  });
});
