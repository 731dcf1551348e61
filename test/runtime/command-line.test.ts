import {
  COMMAND_NAMES,
  type CommandName,
  COMMANDS,
  optionsOf,
  type ParsedCommand,
} from '../../lib/contract/command-line/commands';
import {
  camelCase,
  type OptionDefinition,
  type OptionFormat,
  type PositionalDefinition,
} from '../../lib/contract/command-line/option-definition';
import { type OptionValue } from '../../lib/contract/command-line/option-value';
import { toArguments } from '../../lib/contract/command-line/to-arguments';
import { parseCommand } from '../../runtime/command-line';
import { UsageError } from '../../runtime/errors';

const POINT = '2026-11-23T08-30-00Z-7f3a';
const COMMON = { output: 'text', logLevel: 'info' };

function parse(line: string): ParsedCommand {
  return parseCommand(line === '' ? [] : line.split(' '));
}

describe('the command line', () => {
  it('fills in defaults', () => {
    expect(parse('backup')).toEqual({ command: 'backup', options: { ...COMMON, allow: [] } });
    expect(parse('list')).toEqual({ command: 'list', options: COMMON });
    expect(parse('verify')).toEqual({
      command: 'verify',
      options: { ...COMMON, recoveryPoint: 'latest', level: 'quick', maxLag: '1h', thawFor: '7d' },
    });
    expect(parse('prune')).toEqual({ command: 'prune', options: { ...COMMON, dryRun: false, allow: [] } });
    const cluster = { inCluster: false, coordinate: false, clearWal: false };
    const flags = { dryRun: false, replace: false, tenant: [], block: [], allow: [], ...cluster };
    expect(parse('restore')).toEqual({
      command: 'restore',
      options: { ...COMMON, recoveryPoint: 'latest', scope: 'all', thawFor: '7d', ...flags },
    });
  });

  it('reads values apart from their option or joined to it', () => {
    const expected = { command: 'backup', options: { ...COMMON, scope: 'wal', rule: 'hourly', allow: [] } };
    expect(parse('backup --scope wal --rule hourly')).toEqual(expected);
    expect(parse('backup --scope=wal --rule=hourly')).toEqual(expected);
  });

  it('turns sizes into bytes, times into dates and trace IDs into 32 digits', () => {
    expect(parse('verify --max-bytes 10GiB')).toMatchObject({ options: { maxBytes: 10_737_418_240 } });
    expect(parse(`restore --from 2026-11-23 --to ${POINT} --trace-id AB12`)).toMatchObject({
      options: {
        from: new Date('2026-11-23T00:00:00Z'),
        to: new Date('2026-11-23T08:30:00Z'),
        traceId: '0000000000000000000000000000ab12',
      },
    });
  });

  it('collects an option that may be repeated', () => {
    expect(parse('restore --tenant a --allow owner --tenant b --allow retention')).toMatchObject({
      options: { tenant: ['a', 'b'], allow: ['owner', 'retention'] },
    });
  });

  it.each(['latest', POINT, '2026-11-23T08:30:00Z', '2026-11-23'])(
    'takes %s as the recovery point to restore',
    (recoveryPoint) => {
      expect(parseCommand(['restore', '--recovery-point', recoveryPoint])).toMatchObject({
        options: { recoveryPoint },
      });
    },
  );

  it.each([
    ['--version', { command: 'version' }],
    ['--help', { command: 'help', topic: null }],
    ['-h', { command: 'help', topic: null }],
    ['help', { command: 'help', topic: null }],
    ['help restore', { command: 'help', topic: 'restore' }],
    ['restore --help', { command: 'help', topic: 'restore' }],
    ['show -h', { command: 'help', topic: 'show' }],
    ['backup --nonsense --help', { command: 'help', topic: 'backup' }],
  ])('answers %s', (line, expected) => {
    expect(parse(line)).toEqual(expected);
  });

  it.each([
    [
      '',
      "parse arguments: no command given; known: backup, list, show, verify, restore, prune, snapshot, rewind, replicate; see 'tempo-backup --help'",
    ],
    ['bakcup', "parse arguments: 'bakcup' is no command; did you mean 'backup'?"],
    [
      'frobnicate',
      "parse arguments: 'frobnicate' is no command; known: backup, list, show, verify, restore, prune, snapshot",
    ],
    ['help bakcup', "parse arguments: 'bakcup' is no command; did you mean 'backup'?"],
    [
      '--config x backup',
      "parse arguments: '--config' stands before the command; write 'tempo-backup COMMAND --config …'",
    ],
    ['backup --scop all', "backup: '--scop' is no option; did you mean '--scope'?"],
    [
      'list --dry-run',
      "list: '--dry-run' is no option; known: --config, --repository, --output, --log-format, --log-level",
    ],
    ['backup -x', "backup: '-x' is no option; known: --scope"],
    ['backup --no-scope', "backup: '--no-scope' is no option; did you mean '--scope'?"],
    ['backup --scope al', "backup: '--scope': 'al' is no choice; did you mean 'all'? (all, config, data, wal)"],
    ['backup --output yaml', "backup: '--output': 'yaml' is no choice; write one of text, json"],
    ['backup --scope', "backup: '--scope' needs a value; write '--scope all|config|data|wal'"],
    ['backup --scope --pin x', "backup: '--scope' needs a value"],
    ['backup --scope -h', "backup: '--scope' needs a value"],
    ['backup --pin=', "backup: '--pin': the value is empty"],
    ['backup --rule a --rule b', "backup: '--rule' is given more than once; give it once"],
    ['prune --dry-run=1', "prune: '--dry-run' takes no value, got '1'; write '--dry-run' or leave it out"],
    ['backup now', "backup: 'now' is one argument too many; see 'tempo-backup backup --help'"],
    ['show', "show: ID is missing; write 'tempo-backup show latest'"],
    ['show newest', "show ID: 'newest' is no recovery point; write 'latest' or an ID that 'list' prints"],
    ['snapshot', "snapshot: create|list|prune|restore is missing; write 'tempo-backup snapshot create --rule daily'"],
    [
      'snapshot creat',
      "snapshot create|list|prune|restore: 'creat' is no choice; did you mean 'create'? (create, list, prune, restore)",
    ],
    ['snapshot create now', "snapshot: 'now' is one argument too many"],
    ['snapshot create --deadline soon', "snapshot: '--deadline': 'soon'"],
    ['snapshot create --deadline 0s', "snapshot: '--deadline': '0s' is no time; write one such as 30m"],
    ['show latest --config-diff before', "show: '--config-diff': 'before' is no recovery point"],
    ['show ../../etc/passwd', "'../../etc/passwd' is no recovery point"],
    [
      'verify --recovery-point some',
      "verify: '--recovery-point': 'some' is no recovery point; write 'latest', 'all' or an ID that 'list' prints",
    ],
    [
      'verify --max-bytes 10G',
      "verify: '--max-bytes': '10G' has the unknown unit 'G'; did you mean '10GiB' or '10GB'?",
    ],
    [
      'restore --from yesterday',
      "restore: '--from': 'yesterday' is no time; write ISO 8601 such as '2026-11-23T08:30:00Z'",
    ],
    ['restore --recovery-point 2026-02-30', "'2026-02-30' doesn't exist in the calendar"],
    ['restore --allow ownr', "restore: '--allow': 'ownr' is no choice; did you mean 'owner'?"],
    ['restore --tenant ../x', "restore: '--tenant': '../x' is no tenant ID that Tempo accepts"],
    ['restore --into-tenant a/b', "'a/b' is no tenant ID that Tempo accepts"],
    ['restore --block 274bd888', "'274bd888' is no block ID; write a UUID in lower case"],
    ['restore --trace-id xyz', "'xyz' is no trace ID; write up to 32 hexadecimal digits"],
    ['restore --tempo-version latest', "'latest' is no version; write one such as 2.9 or 3.0"],
  ])('throws in one line when it is: %s', (line, message) => {
    expect(() => parse(line)).toThrow(UsageError);
    expect(() => parse(line)).toThrow(message);
    expect(() => parse(line)).toThrow(/^[^\n]+$/);
  });
});

const SAMPLES: Readonly<Record<OptionFormat, readonly OptionValue[]>> = {
  size: [0, 1024, 10_737_418_240],
  instant: [new Date('2026-11-23T08:30:00.123Z')],
  point: ['latest', POINT],
  points: ['latest', 'all', POINT],
  'point-or-time': ['latest', 'latest-verified', POINT, '2026-11-23T08:30:00Z'],
  tenant: ['team-a', "odd!_.*'()"],
  block: ['274bd888-53b9-42dc-adfe-d9e6ecfc6f2b'],
  'trace-id': ['0000000000000000000000000000ab12'],
  version: ['2.10', '3.0.1'],
  duration: ['30m', 'PT1H'],
};

const TEXTS = ['plain', 'with spaces', '--looks-like=an option', '-', 'quotes \' and "', 'ümläut', 'line\nbreak'];

/** Values that an option can have, all of them for choices. */
function valuesOf({ type, choices, format }: OptionDefinition): readonly unknown[] {
  if (type === 'boolean') return [true, false];
  const single = choices ?? (format === undefined ? TEXTS : SAMPLES[format]);
  return type === 'strings' ? [[], ...single.map((value) => [value]), single] : single;
}

/** Every option with each of its values alone, then all options at once. */
function histories(command: CommandName): Record<string, unknown>[] {
  const options = optionsOf(command);
  const positionals = Object.fromEntries(
    (COMMANDS[command].positionals as readonly PositionalDefinition[]).map(({ name, choices, format }) => [
      name,
      choices?.at(-1) ?? (format === undefined ? TEXTS : SAMPLES[format]).at(-1),
    ]),
  );
  const single = options.flatMap((option) =>
    valuesOf(option).map((value) => ({ [camelCase(option.name)]: value, ...positionals })),
  );
  const all = Object.fromEntries(options.map((option) => [camelCase(option.name), valuesOf(option).at(-1)]));
  return [positionals, ...single, { ...all, ...positionals }];
}

describe.each(COMMAND_NAMES)('the arguments of %s', (command) => {
  it('are read back as they were written', () => {
    const defaults = parseCommand(toArguments(command, { id: 'latest', action: 'list' })) as { options: object };
    const cases = histories(command);
    expect(cases.length).toBeGreaterThan(optionsOf(command).length);
    for (const options of cases) {
      expect(parseCommand(toArguments(command, options as object))).toEqual({
        command,
        options: { ...defaults.options, ...options },
      });
    }
  });

  it('are written back as they were read', () => {
    for (const options of histories(command)) {
      const parsed = parseCommand(toArguments(command, options as object)) as { options: object };
      expect(parseCommand(toArguments(command, parsed.options))).toEqual({ command, options: parsed.options });
    }
  });
});
