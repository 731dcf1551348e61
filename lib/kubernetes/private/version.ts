/** Version of this package, which is the tag of the runner's image and the version on each object: made together, they fit together. */
export const VERSION = '0.1.0';
