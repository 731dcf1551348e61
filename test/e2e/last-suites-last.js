const Sequencer = require('@jest/test-sequencer').default;

/** In the order of their paths, and those in a folder `last`, which look at what all others did, after them. */
module.exports = class LastSuitesLast extends Sequencer {
  sort(tests) {
    const key = ({ path }) => `${path.includes('/last/') ? 1 : 0}${path}`;
    return [...tests].sort((a, b) => (key(a) < key(b) ? -1 : 1));
  }
};
