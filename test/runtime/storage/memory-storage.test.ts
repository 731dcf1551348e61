import { MemoryStorage } from '../../../runtime/storage/memory-storage';
import { sourceOf } from '../../helpers/buffer-source';
import { storageSuite } from '../../helpers/storage-suite';

storageSuite('memory storage', async () => ({ storage: new MemoryStorage(), cleanUp: async () => undefined }));

describe('MemoryStorage', () => {
  it('tells the time of the clock it was given', async () => {
    const clock = { time: new Date('2026-01-01T00:00:00Z') };
    const storage = new MemoryStorage({ clock: () => clock.time });
    await storage.put('old', sourceOf('a'));
    clock.time = new Date('2026-02-01T00:00:00Z');
    await storage.put('new', sourceOf('b'));

    expect(await storage.now()).toEqual(new Date('2026-02-01T00:00:00Z'));
    expect((await storage.head('old'))?.modifiedAt).toEqual(new Date('2026-01-01T00:00:00Z'));
    expect((await storage.head('new'))?.modifiedAt).toEqual(new Date('2026-02-01T00:00:00Z'));
  });

  it('hands out copies', async () => {
    const storage = new MemoryStorage();
    await storage.put('a', sourceOf('kept'));

    (await storage.get('a')).fill(0);

    expect((await storage.get('a')).toString()).toBe('kept');
  });

  it('reads damaged bytes as they are', async () => {
    const storage = new MemoryStorage();
    await storage.put('a', sourceOf('kept'));

    storage.objects.get('a')?.bytes.fill(0x21, 0, 1);

    expect((await storage.get('a')).toString()).toBe('!ept');
  });
});
