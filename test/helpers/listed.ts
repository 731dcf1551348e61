import { type Storage, type StoredObject } from '../../runtime/storage/storage';

export async function objectsIn(storage: Storage, prefix = '', startAfter?: string): Promise<StoredObject[]> {
  const objects: StoredObject[] = [];
  for await (const object of storage.list(prefix, startAfter)) objects.push(object);
  return objects;
}

export async function keysIn(storage: Storage, prefix = '', startAfter?: string): Promise<string[]> {
  return (await objectsIn(storage, prefix, startAfter)).map((object) => object.key);
}
