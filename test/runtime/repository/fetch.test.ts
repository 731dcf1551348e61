import { IntegrityError, ObjectMissingError } from '../../../runtime/errors';
import { fetchObject, objectSource } from '../../../runtime/repository/fetch';
import { MemoryStorage } from '../../../runtime/storage/memory-storage';
import { partBudget } from '../../../runtime/streams/byte-budget';
import { sourceOf } from '../../helpers/buffer-source';

const MIB = 1024 * 1024;

async function stored(size: number) {
  const storage = new MemoryStorage();
  const bytes = Buffer.alloc(size, 'tempo-');
  const { sha256 } = await storage.put('blocks/a', sourceOf(bytes));
  return { storage, bytes, reference: { key: 'blocks/a', size, sha256 } };
}

describe('fetchObject', () => {
  it.each([0, 1, 8 * MIB, 8 * MIB + 1, 20 * MIB])('hands on all of %d bytes', async (size) => {
    const { storage, bytes, reference } = await stored(size);
    const into = Buffer.alloc(size);
    await fetchObject(storage, reference, async (offset, part) => void part.copy(into, offset));
    expect(into.equals(bytes)).toBe(true);
  });

  it('throws with key, expected and found when one bit of the last part differs', async () => {
    const { storage, reference } = await stored(8 * MIB + 5);
    storage.objects.get('blocks/a')?.bytes.writeUInt8(0, 8 * MIB + 4);
    const failed = fetchObject(storage, reference, async () => undefined);
    await expect(failed).rejects.toBeInstanceOf(IntegrityError);
    await expect(failed).rejects.toMatchObject({
      evidence: { key: 'blocks/a', expected: reference.sha256, found: expect.stringMatching(/-2$/) as string },
    });
  });

  it('throws when the object is missing or shorter, and gives its memory back', async () => {
    const { storage, reference } = await stored(100);
    await expect(fetchObject(storage, { ...reference, key: 'blocks/b' }, async () => undefined)).rejects.toBeInstanceOf(
      ObjectMissingError,
    );
    await expect(fetchObject(storage, { ...reference, size: 101 }, async () => undefined)).rejects.toBeInstanceOf(
      IntegrityError,
    );
    expect(partBudget.inUse).toBe(0);
  });

  it('throws what the writer throws, and what the signal says', async () => {
    const { storage, reference } = await stored(100);
    const full = new Error('disk full');
    await expect(fetchObject(storage, reference, () => Promise.reject(full))).rejects.toBe(full);
    const reason = new Error('interrupted');
    await expect(fetchObject(storage, reference, async () => undefined, AbortSignal.abort(reason))).rejects.toBe(
      reason,
    );
  });
});

describe('objectSource', () => {
  it('reads ranges, and refuses those outside', async () => {
    const { storage, reference } = await stored(100);
    const source = objectSource(storage, reference);
    const into = Buffer.alloc(6);
    await source.read(6, into);
    expect(into.toString()).toBe('tempo-');
    await expect(source.read(95, into)).rejects.toBeInstanceOf(RangeError);
    await expect(source.read(-1, into)).rejects.toBeInstanceOf(RangeError);
  });
});
