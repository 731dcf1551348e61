import { Arena } from '../../../runtime/streams/arena';
import { Random } from '../../helpers/random';

const PAGE = 4096;

describe('Arena', () => {
  it('gives pieces as long as asked for, the lowest first', () => {
    const arena = new Arena(4 * PAGE);

    const pieces = [arena.take(100), arena.take(PAGE + 1), arena.take(PAGE)];

    expect(pieces.map((piece) => piece?.length)).toEqual([100, PAGE + 1, PAGE]);
    expect(pieces.map((piece) => piece?.byteOffset)).toEqual([0, PAGE, 3 * PAGE]);
    expect(arena.take(1)).toBeUndefined();
  });

  it('joins what was given back', () => {
    const arena = new Arena(3 * PAGE);
    const pieces = [arena.take(PAGE), arena.take(PAGE), arena.take(PAGE)];

    for (const index of [0, 2, 1]) arena.giveBack(pieces[index] ?? Buffer.alloc(0));

    expect(arena.take(3 * PAGE)?.length).toBe(3 * PAGE);
  });

  it('takes nothing for no bytes', () => {
    const arena = new Arena(PAGE);
    const nothing = arena.take(0);

    expect(nothing?.length).toBe(0);
    expect(arena.take(PAGE)?.length).toBe(PAGE);
    arena.giveBack(nothing ?? Buffer.alloc(0));
    expect(arena.take(1)).toBeUndefined();
  });

  it('never gives the same memory twice, in any order of taking and giving back', () => {
    const random = new Random(7);
    const arena = new Arena(64 * PAGE);
    const held: { piece: Buffer; mark: number }[] = [];
    for (let step = 0; step < 5000; step++) {
      const piece = random.chance(0.55) ? arena.take(1 + random.below(6 * PAGE)) : undefined;
      if (piece) {
        const mark = step % 251;
        held.push({ piece: piece.fill(mark), mark });
      } else if (held.length > 0) {
        const [gone] = held.splice(random.below(held.length), 1);
        expect(gone?.piece.every((byte) => byte === gone.mark)).toBe(true);
        arena.giveBack(gone?.piece ?? Buffer.alloc(0));
      }
    }
    for (const { piece } of held) arena.giveBack(piece);

    expect(arena.take(64 * PAGE)?.length).toBe(64 * PAGE);
  });
});
