import type { RequestOptions } from 'node:https';

/** Where the API is, and how a run proves who it is. */
export interface ClusterConnection {
  /** Base of all paths, such as `https://10.0.0.1:443`. */
  readonly server: URL;
  /** TLS, agent and headers of the next request: asked each time, as tokens in files are rotated. */
  options(): Promise<RequestOptions>;
  close(): void;
}
