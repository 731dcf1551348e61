import type { Inspector } from '../../repository/verify';
import { inspectBlock, inspectPage } from '../../tempo/block/block-inspection';

/** What only a reader of Tempo's files can tell about what the repository holds. */
export const INSPECTOR: Inspector = {
  block: ({ files }) => inspectBlock(files),
  page: ({ source }) => inspectPage(source),
};
