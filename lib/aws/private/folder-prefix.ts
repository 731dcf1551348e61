import { refuse } from './validated-input';

/** A folder of a bucket as its keys begin: empty, or ending with `/`. */
export function folderPrefix(folder = ''): string {
  if (/^\/|\/$|\/\/|(^|\/)\.{1,2}(\/|$)|[*?]/.test(folder))
    refuse('prefix', `must be a folder without slashes around it, such as 'prod', got '${folder}'`);
  return folder === '' ? '' : `${folder}/`;
}
