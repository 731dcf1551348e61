import { FileStorage } from '../../runtime/storage/file-storage';
import { bytesOf, sourceOf } from './buffer-source';

const AT_ONCE = 4;

/** A program: stores objects in a folder until it is killed, and says so once it is in the middle of it. Keys end in the size of the object. */
async function main(folder: string): Promise<void> {
  const storage = await FileStorage.open(folder, { create: true });
  let count = 0;
  const putOn = async (): Promise<never> => {
    for (;;) {
      const number = count++;
      const key = `objects/${number % 7}/${number}-${(number % 5) * 3_000_000 + number}`;
      await storage.put(key, sourceOf(bytesOf(sizeOf(key), key)));
      if (number === 20) process.stdout.write('in the middle\n');
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, putOn));
}

function sizeOf(key: string): number {
  return Number(key.split('-').at(-1));
}

void main(process.argv[2] ?? '');
