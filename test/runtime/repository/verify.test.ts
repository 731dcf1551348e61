import { InterruptedError } from '../../../runtime/errors';
import { type Repository } from '../../../runtime/repository/repository';
import { VerificationLedger } from '../../../runtime/repository/verification-ledger';
import { verifyPoints } from '../../../runtime/repository/verify';
import { MemoryStorage } from '../../../runtime/storage/memory-storage';
import { CountingStorage } from '../../helpers/counting-storage';
import { backUp, FakeClock, FakeTempo, HOUR, openRepository, verifyAll } from '../../helpers/repository-blocks';

async function newWorld(blocks = 6) {
  const clock = new FakeClock();
  const memory = new MemoryStorage({ clock: clock.now });
  const storage = new CountingStorage(memory);
  const repository = await openRepository(storage, clock);
  const tempo = new FakeTempo(3, clock);
  for (let n = 0; n < blocks; n++) tempo.addBlock(n % 2 ? 'team-a' : 'team-b');
  tempo.addWal();
  const first = (await backUp(repository, tempo, { config: { 'tempo.yaml': 'a: 1' } })).manifest.id;
  clock.pass(HOUR);
  return { clock, memory, storage, repository, tempo, first };
}

function flipByte(memory: MemoryStorage, key: string): void {
  const bytes = memory.objects.get(key)?.bytes;
  bytes?.writeUInt8(bytes.readUInt8(7) ^ 1, 7);
}

const dataBytes = (storage: CountingStorage) =>
  storage.keys.get.concat(storage.keys.read).filter((key) => /^(blocks|wal|rewritten|config)\//.test(key));

const ledgerOf = (repository: Repository) => VerificationLedger.load(repository);

describe('quick verification', () => {
  it('reads no data, and lists each tenant once', async () => {
    const { storage, repository, first } = await newWorld();
    storage.reset();
    const { recoveryPoints } = await verifyPoints(repository, { points: [first], level: 'quick' });
    expect(recoveryPoints).toEqual([
      { id: first, ok: true, suspect: false, level: 'quick', complete: true, problems: 0 },
    ]);
    expect(dataBytes(storage)).toEqual([]);
    expect(storage.keys.list.sort()).toEqual(['blocks/team-a/', 'blocks/team-b/', 'points/', 'verifications/', 'wal/']);
    expect(storage.counts).toMatchObject({ head: 1, read: 0 });
  });

  it.each([
    ['missing', (memory: MemoryStorage, key: string) => void memory.objects.delete(key), 'it is missing'],
    ['truncated', truncate, 'it has 39 bytes instead of 40'],
  ])('finds a file that is %s', async (_, damage, reason) => {
    const { memory, repository, tempo, first } = await newWorld();
    const [block] = tempo.blocks.values();
    const key = `blocks/${block?.tenant ?? ''}/${block?.id ?? ''}/data.parquet`;
    damage(memory, key);
    const { recoveryPoints, problems } = await verifyPoints(repository, { points: [first], level: 'quick' });
    expect(recoveryPoints[0]).toMatchObject({ ok: false, problems: 1 });
    expect(problems).toEqual([{ recoveryPoint: first, key, reason }]);
  });

  it('finds what is missing in places of its own', async () => {
    const { memory, repository, tempo } = await newWorld();
    const [block] = tempo.blocks.values();
    if (block) tempo.rewrite(block);
    const { manifest } = await backUp(repository, tempo);
    const key = [...memory.objects.keys()].find((one) => one.startsWith('rewritten/')) ?? '';
    memory.objects.delete(key);
    const { problems } = await verifyPoints(repository, { points: [manifest.id], level: 'quick' });
    expect(problems).toEqual([{ recoveryPoint: manifest.id, key, reason: 'it is missing' }]);
  });

  it('does not forget damage that was found in bytes', async () => {
    const { clock, memory, repository, tempo, first } = await newWorld();
    const [block] = tempo.blocks.values();
    flipByte(memory, `blocks/${block?.tenant ?? ''}/${block?.id ?? ''}/index`);
    await verifyPoints(repository, { points: [first], level: 'full' });
    clock.pass(HOUR);
    const { recoveryPoints } = await verifyPoints(repository, { points: [first], level: 'quick' });
    expect(recoveryPoints[0]?.ok).toBe(false);
  });
});

describe('full verification', () => {
  it('reads every byte once, however many points share it', async () => {
    const { storage, repository, tempo } = await newWorld();
    await backUp(repository, tempo, { config: { 'tempo.yaml': 'a: 1' } });
    storage.reset();
    const { bytes, recoveryPoints, remainingBytes } = await verifyAll(repository);
    const stored = [...(storage.inner as MemoryStorage).objects].filter(([key]) => /^(blocks|wal|config)\//.test(key));
    expect(bytes.read).toBe(stored.reduce((sum, [, object]) => sum + object.bytes.length, 0));
    expect(new Set(dataBytes(storage)).size).toBe(dataBytes(storage).length);
    expect(recoveryPoints.map(({ ok, complete }) => [ok, complete])).toEqual([
      [true, true],
      [true, true],
    ]);
    expect(remainingBytes).toBe(0);
  });

  it('finds a flipped bit, and says so of every point that names it, asked about or not', async () => {
    const { memory, repository, tempo, first } = await newWorld();
    const second = (await backUp(repository, tempo)).manifest.id;
    await verifyAll(repository);
    const [block] = tempo.blocks.values();
    const key = `blocks/${block?.tenant ?? ''}/${block?.id ?? ''}/data.parquet`;
    flipByte(memory, key);
    const { problems } = await verifyPoints(repository, { points: [second], level: 'full' });
    expect(problems).toEqual([
      { recoveryPoint: second, key, reason: expect.stringMatching(/it is damaged: its SHA-256 differs/) as string },
    ]);
    const ledger = await ledgerOf(repository);
    expect([first, second].map((id) => ledger.point(id)?.ok)).toEqual([false, false]);
    expect([first, second].map((id) => ledger.verified(id))).toEqual([null, null]);
  });

  it('finds two files that were swapped', async () => {
    const { memory, repository, tempo, first } = await newWorld();
    const [a, b] = [...tempo.blocks.values()].map(({ tenant, id }) => `blocks/${tenant}/${id}/bloom-0`);
    const [one, other] = [memory.objects.get(a ?? ''), memory.objects.get(b ?? '')];
    if (one && other) memory.objects.set(a ?? '', other).set(b ?? '', one);
    const { problems } = await verifyPoints(repository, { points: [first], level: 'full' });
    expect(problems.map(({ key }) => key).sort()).toEqual([a, b].sort());
  });

  it('is good again after the object was brought back', async () => {
    const { clock, memory, repository, tempo, first } = await newWorld();
    const [block] = tempo.blocks.values();
    const key = `blocks/${block?.tenant ?? ''}/${block?.id ?? ''}/data.parquet`;
    flipByte(memory, key);
    await verifyPoints(repository, { points: [first], level: 'full' });
    flipByte(memory, key);
    clock.pass(HOUR);
    expect((await verifyPoints(repository, { points: [first], level: 'full' })).recoveryPoints[0]?.ok).toBe(true);
    expect((await ledgerOf(repository)).verified(first)).toMatchObject({ level: 'full' });
  });

  it('stays within its budget, and goes through everything in turns', async () => {
    const { clock, storage, repository, first } = await newWorld();
    const read = new Set<string>();
    const verdicts: boolean[] = [];
    let remaining = Infinity;
    for (let run = 0; run < 20 && remaining > 0; run++) {
      clock.pass(HOUR);
      storage.reset();
      const outcome = await verifyPoints(repository, { points: [first], level: 'full', maxBytes: 300 });
      expect(outcome.bytes.read).toBeLessThanOrEqual(300);
      for (const key of dataBytes(storage)) read.add(key);
      verdicts.push(outcome.recoveryPoints[0]?.complete ?? false);
      if (outcome.recoveryPoints[0]?.complete) break;
      remaining = outcome.remainingBytes;
    }
    expect(read.size).toBe(6 * 4 + 2 + 1);
    expect(verdicts).toEqual([...verdicts.slice(1).map(() => false), true]);
    const oldest = Date.parse((await ledgerOf(repository)).verified(first)?.at ?? '');
    expect(oldest).toBe(clock.now().getTime() - (verdicts.length - 1) * HOUR);
  });

  it('keeps what it found when it is interrupted', async () => {
    const { repository, first } = await newWorld(40);
    const controller = new AbortController();
    const interrupted = verifyPoints(repository, {
      points: [first],
      level: 'full',
      signal: controller.signal,
      onProgress: ({ bytesDone }) => void (bytesDone > 2000 && controller.abort(new InterruptedError())),
    });
    await expect(interrupted).rejects.toBeInstanceOf(InterruptedError);
    const { remainingBytes, bytes } = await verifyPoints(repository, { points: [first], level: 'full', maxBytes: 1 });
    expect(bytes.read).toBeGreaterThan(0);
    expect(remainingBytes).toBeGreaterThan(0);
    expect((await ledgerOf(repository)).verified(first)).toMatchObject({ level: 'quick' });
  });
});

describe('content verification', () => {
  it('shows each block and page to the inspector, and reports what it says', async () => {
    const { repository, first } = await newWorld();
    const seen: string[] = [];
    const { problems, recoveryPoints } = await verifyPoints(repository, {
      points: [first],
      level: 'content',
      inspector: {
        block: async ({ tenant, files }) => {
          seen.push(tenant, [...files.keys()].sort().join());
          return tenant === 'team-a' ? ['it has 3 rows instead of 10'] : [];
        },
        page: async ({ name, source }) => {
          const bytes = Buffer.alloc(source.size);
          await source.read(0, bytes);
          seen.push(name);
          return [];
        },
      },
    });
    expect(seen).toContain('bloom-0,data.parquet,index,meta.json');
    expect(seen).toContain('0000000002');
    expect(problems).toHaveLength(3);
    expect(problems[0]).toMatchObject({ recoveryPoint: first, reason: 'it has 3 rows instead of 10' });
    expect(recoveryPoints[0]).toMatchObject({ ok: false, level: 'content', problems: 3 });
  });
});

describe('the ledger', () => {
  it('counts content for full and quick, and full for quick, and shows the most thorough', async () => {
    const { clock, repository, first } = await newWorld();
    await verifyPoints(repository, { points: [first], level: 'content' });
    const at = clock.now().toISOString();
    clock.pass(HOUR);
    await verifyPoints(repository, { points: [first], level: 'quick' });
    expect((await ledgerOf(repository)).verified(first)).toEqual({ level: 'content', at });
  });

  it('remembers what two runs at once found, each without the other', async () => {
    const { repository, tempo, memory, first } = await newWorld();
    const second = (await backUp(repository, tempo)).manifest.id;
    await Promise.all([first, second].map((id) => verifyPoints(repository, { points: [id], level: 'full' })));
    expect([...memory.objects.keys()].filter((key) => key.startsWith('verifications/'))).toHaveLength(2);
    const ledger = await ledgerOf(repository);
    expect([first, second].map((id) => ledger.verified(id)?.level)).toEqual(['full', 'full']);
  });

  it('does without a record that is damaged', async () => {
    const { repository, memory, first } = await newWorld();
    await verifyPoints(repository, { points: [first], level: 'full' });
    const key = [...memory.objects.keys()].find((one) => one.startsWith('verifications/')) ?? '';
    memory.objects.get(key)?.bytes.fill(0);
    const ledger = await ledgerOf(repository);
    expect(ledger.verified(first)).toBeNull();
    expect(ledger.warnings).toEqual([expect.stringContaining(key)]);
  });

  it('stays small for 20,000 blocks', async () => {
    const { repository, memory } = await newWorld();
    const ledger = await ledgerOf(repository);
    const { tempo } = await newWorld(500);
    for (const { tenant, id } of tempo.blocks.values()) {
      for (let copy = 0; copy < 40; copy++) {
        ledger.setUnit(`blocks/${tenant}/${id.slice(0, 30)}${String(copy).padStart(6, '0')}#0123456789ab`, {
          quick: 1764000000,
          full: 1763000000 + copy,
          content: 0,
          failure: undefined,
        });
      }
    }
    await ledger.save();
    const record = [...memory.objects].findLast(([key]) => key.startsWith('verifications/'));
    expect(record?.[1].bytes.length).toBeLessThan(1024 * 1024);
  });
});

function truncate(memory: MemoryStorage, key: string): void {
  const object = memory.objects.get(key);
  if (object) memory.objects.set(key, { ...object, bytes: object.bytes.subarray(0, -1) });
}
