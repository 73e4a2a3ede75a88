"use strict";
// The comparison of two runs, as tfg/statistics makes it (`tfg compare`), for any two rows of a report: a thousand runs have half a million
// pairs, too many to make beforehand. The same draws, the same formulas; a test holds every printed digit against Python's.
(() => {
  const IDENTICAL_DB = 100;
  const CONFIDENCE = 0.95;
  const SHORTEST_BLOCK = 25;
  const FEWEST_FRAMES = 4 * SHORTEST_BLOCK;
  const DRAWS = 1000;
  const [NUM_DECAYS, FASTEST, SLOWEST, SHARES, ROUNDING, STEP, NEGLIGIBLE] = [12, 0.2, 0.25, [0, 0.2, 0.4, 0.6, 0.8], 1e-18, 1.15, 1e-4];
  const NO_INTERVAL = `no interval: fewer than ${FEWEST_FRAMES} frames with a number, or no frame differs, or they only repeat a pattern`;
  const NO_SERIES = "no interval: the records hold no numbers per frame that this is a statistic of";
  const DECODED = "no interval: numbers per frame of decoded files are not in the report; tfg compare has them";
  const OVER = "the frames of one pair, which say nothing of other seeds, segments or people";

  const sum = (values) => values.reduce((total, value) => total + value, 0);
  const mean = (values) => sum(values) / values.length;
  const variance = (values, ddof = 0) => {
    const middle = mean(values);
    return sum(values.map((value) => (value - middle) ** 2)) / (values.length - ddof);
  };
  const spread = (values) => Math.max(...values) - Math.min(...values);
  const still = (numbers, size) => spread(numbers) <= 1e-9 * Math.max(Math.abs(size), Math.max(...numbers.map(Math.abs)));

  // numpy's default_rng(0): PCG64 (XSL-RR) and Lemire's bounded integers of 32 bits.
  const MASK = (1n << 128n) - 1n;
  const LOW = (1n << 64n) - 1n;
  const MULTIPLIER = 47026247687942121848144207491837523525n;
  const SEEDED = [35399562948360463058890781895381311971n, 87136372517582989555478159403783844777n]; // state and increment

  function integers(below, count) {
    let [state, increment] = SEEDED;
    let held = null;
    const next = () => {
      if (held !== null) {
        const value = held;
        held = null;
        return value;
      }
      state = (state * MULTIPLIER + increment) & MASK;
      const mixed = ((state >> 64n) ^ state) & LOW;
      const turn = state >> 122n;
      const word = ((mixed >> turn) | (mixed << (64n - turn))) & LOW;
      held = Number(word >> 32n);
      return Number(word & 0xffffffffn);
    };
    const threshold = (2 ** 32 - below) % below;
    return Array.from({ length: count }, () => {
      for (;;) {
        const product = next() * below; // exact: below is far under 2^21
        if (product % 2 ** 32 >= threshold) return Math.floor(product / 2 ** 32);
      }
    });
  }

  // Student's t: the regularised incomplete beta function by Lentz's continued fraction.
  function logGamma(x) {
    if (x < 12) return logGamma(x + 1) - Math.log(x);
    const series = [1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156];
    const tail = series.reduce((total, term, i) => total + term / x ** (2 * i + 1), 0);
    return (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + tail;
  }

  function fraction(x, a, b) {
    const tiny = 1e-300;
    const safe = (value) => (Math.abs(value) < tiny ? tiny : value);
    let c = 1;
    let d = 1 / safe(1 - ((a + b) * x) / (a + 1));
    let found = d;
    for (let m = 1; m < 10000; m++) {
      let term = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
      d = 1 / safe(1 + term * d);
      c = safe(1 + term / c);
      found *= d * c;
      term = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
      d = 1 / safe(1 + term * d);
      c = safe(1 + term / c);
      found *= d * c;
      if (Math.abs(d * c - 1) < 1e-16) break;
    }
    return found;
  }

  function beta(x, a, b) {
    if (x <= 0) return 0;
    if (x >= 1) return 1;
    if (x > (a + 1) / (a + b + 2)) return 1 - beta(1 - x, b, a);
    const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x));
    return (front / a) * fraction(x, a, b);
  }

  function studentBelow(freedom, t) {
    const tail = 0.5 * beta(freedom / (freedom + t * t), freedom / 2, 0.5);
    return t > 0 ? 1 - tail : tail;
  }

  // Where a rising function reaches `wanted`, between two ends.
  function root(rising, wanted, low, high) {
    for (let i = 0; i < 200 && high - low > 1e-15 * Math.abs(high); i++) {
      const middle = (low + high) / 2;
      if (rising(middle) < wanted) low = middle;
      else high = middle;
    }
    return (low + high) / 2;
  }

  function studentReach(freedom) {
    let high = 1;
    while (studentBelow(freedom, high) < 0.5 + CONFIDENCE / 2) high *= 2;
    return root((t) => studentBelow(freedom, t), 0.5 + CONFIDENCE / 2, 0, high);
  }

  // autocorrelation.py: models, their weights, the length of blocks.
  const memo = new Map();
  const once = (key, make) => {
    if (!memo.has(key)) memo.set(key, make());
    return memo.get(key);
  };

  function grid(frames) {
    const ratio = Math.log((SLOWEST * frames) / FASTEST) / (NUM_DECAYS - 1);
    const models = [];
    for (let i = 0; i < NUM_DECAYS; i++) for (const share of SHARES) models.push([Math.exp(-1 / (FASTEST * Math.exp(ratio * i))), share]);
    return models;
  }

  function spectra(frames) {
    const count = Math.floor((frames - 1) / 2);
    return once(`spectra ${frames}`, () =>
      grid(frames).map(([decay, share]) =>
        Array.from({ length: count }, (_, k) => {
          const angle = (2 * Math.PI * (k + 1)) / frames;
          return ((1 - share) * (1 - decay ** 2)) / (1 - 2 * decay * Math.cos(angle) + decay ** 2) + share;
        }),
      ),
    );
  }

  function weights(values) {
    const frames = values.length;
    const models = spectra(frames);
    const middle = mean(values);
    const centred = values.map((value) => value - middle);
    const turns = once(`turns ${frames}`, () => Array.from({ length: frames }, (_, i) => [Math.cos((2 * Math.PI * i) / frames), Math.sin((2 * Math.PI * i) / frames)]));
    const periodogram = models[0].map((_, k) => {
      let [real, imaginary] = [0, 0];
      for (let i = 0, at = 0; i < frames; i++, at = (at + k + 1) % frames) {
        real += centred[i] * turns[at][0];
        imaginary += centred[i] * turns[at][1];
      }
      return real * real + imaginary * imaginary;
    });
    if (mean(periodogram) <= ROUNDING * frames * variance(values)) return null;
    const likelihood = models.map((model) => -model.length * Math.log(mean(periodogram.map((power, k) => power / model[k]))) - sum(model.map(Math.log)));
    const top = Math.max(...likelihood);
    const found = likelihood.map((value) => Math.exp(value - top));
    const total = sum(found);
    return found.map((value) => value / total);
  }

  function tables(frames, length) {
    return once(`tables ${frames} ${length}`, () =>
      grid(frames).map(([decay, share]) => {
        const count = frames - length + 1;
        const correlation = (lag) => (1 - share) * decay ** Math.abs(lag) + (lag === 0 ? share : 0);
        const lags = Array.from({ length: frames + length }, (_, lag) => correlation(lag));
        const together = Array.from({ length: count }, (_, apart) => {
          let total = 0;
          for (let offset = 1 - length; offset < length; offset++) total += (length - Math.abs(offset)) * lags[Math.abs(apart - offset)];
          return total / length ** 2;
        });
        const pairs = together.map((_, apart) => ((1 - apart / count) * (apart === 0 ? 1 : 2)) / count);
        const middle = sum(together.map((value, apart) => value * pairs[apart]));
        const around = together.map((value) => value - middle);
        const neighbours = (decay / (1 - decay)) * frames - (decay * (1 - decay ** frames)) / (1 - decay) ** 2;
        const whole = ((1 - share) * (1 + (2 * neighbours) / frames)) / frames + share / frames;
        return { share: ((length / frames) * around[0]) / whole, freedom: around[0] ** 2 / sum(around.map((value, apart) => value ** 2 * pairs[apart])) };
      }),
    );
  }

  function blocks(values) {
    const frames = values.length;
    const models = grid(frames);
    const found = weights(values);
    if (found === null) return null;
    const logs = models.map(([decay, share]) => {
      const lagged = ((1 - share) * 2 * decay) / (1 - decay) ** 2;
      const total = ((1 - share) * (1 + decay)) / (1 - decay) + share;
      return Math.log(lagged / total);
    });
    const best = Math.cbrt(1.5 * frames) * Math.exp(sum(found.map((weight, i) => weight * logs[i]))) ** (2 / 3);
    const steps = Math.max(0, Math.ceil(Math.log(best / SHORTEST_BLOCK) / Math.log(STEP)));
    const length = Math.min(Math.round(SHORTEST_BLOCK * STEP ** steps), Math.floor(frames / 4));
    return { length, models: tables(frames, length).map((model, i) => ({ ...model, weight: found[i] })) };
  }

  // bootstrap.py: statistics of rows at some frames, drawn in blocks.
  const at = (row, frames) => frames.reduce((total, frame) => total + row[frame], 0);
  const centred = (row, frames) => {
    const middle = at(row, frames) / frames.length;
    return [middle, frames.reduce((total, frame) => total + (row[frame] - middle) ** 2, 0)];
  };
  const STATISTICS = {
    mean: ([row], frames) => at(row, frames) / frames.length,
    ratio: ([first, second], frames) => at(first, frames) / at(second, frames),
    spread_ratio: ([first, second], frames) => Math.sqrt(centred(first, frames)[1] / frames.length) / Math.sqrt(centred(second, frames)[1] / frames.length),
    correlation: ([first, second], frames) => {
      const [[one, square], [other, otherSquare]] = [centred(first, frames), centred(second, frames)];
      const product = frames.reduce((total, frame) => total + (first[frame] - one) * (second[frame] - other), 0);
      return product / Math.sqrt(square * otherSquare);
    },
  };

  function estimate(rows, statistic) {
    const kept = rows[0].map((_, frame) => frame).filter((frame) => rows.every((row) => !Number.isNaN(row[frame])));
    const whole = rows.map((row) => kept.map((frame) => row[frame]));
    const frames = kept.length;
    if (frames < FEWEST_FRAMES) return null;
    const all = kept.map((_, i) => i);
    const value = statistic(whole, all);
    const influence = all.map((left) => -(frames - 1) * statistic(whole, all.filter((frame) => frame !== left)));
    if (!influence.every(Number.isFinite) || still(influence, value)) return null;
    const found = blocks(influence);
    if (found === null) return null;
    const count = Math.ceil(frames / found.length);
    const starts = once(`starts ${frames} ${found.length}`, () => integers(frames - found.length + 1, DRAWS * count));
    const drawn = Array.from({ length: DRAWS }, (_, draw) => {
      const chosen = [];
      for (let block = 0; block < count; block++) for (let i = 0; i < found.length && chosen.length < frames; i++) chosen.push(starts[draw * count + block] + i);
      return statistic(whole, chosen);
    });
    if (!drawn.every(Number.isFinite) || still(drawn, Math.max(Math.abs(value), spread(influence)))) return null;
    return student(value, Math.sqrt(variance(drawn, 1)), found);
  }

  function student(value, error, found) {
    const likely = found.models.filter((model) => model.weight > NEGLIGIBLE);
    const total = sum(likely.map((model) => model.weight));
    const models = likely.map((model) => ({ weight: model.weight / total, freedom: model.freedom, error: error / Math.sqrt(model.share) }));
    const probability = (above) => sum(models.map((model) => model.weight * studentBelow(model.freedom, above / model.error)));
    const ends = models.map((model) => studentReach(model.freedom) * model.error);
    const [low, high] = [Math.min(...ends), Math.max(...ends)];
    const reach = high - low < 1e-12 * high ? low : root(probability, 0.5 + CONFIDENCE / 2, low, high);
    return { value, low: value - reach, high: value + reach, probability: probability(value) };
  }

  // comparison.py, of one pair.
  const numeric = (entry) => (entry.value === "inf" ? IDENTICAL_DB : Number(entry.value));

  function lacking(name, runs) {
    const without = new Map();
    for (const run of runs) {
      const entry = run.metrics[name];
      const why = entry === undefined ? "not among the scores" : "unavailable" in entry ? String(entry.unavailable) : null;
      if (why !== null) without.set(why, [...(without.get(why) || []), run.label]);
    }
    return [...without].map(([why, names]) => `${names.length === 2 ? "both" : names.join(", ")}: ${why}`).join("; ") || null;
  }

  function difference(name, first, second) {
    const runs = [first, second];
    const entry = tfg.table.facts[name];
    const why = lacking(name, runs);
    if (why !== null) return { entry, difference: null, reason: why };
    const plain = numeric(first.metrics[name]) - numeric(second.metrics[name]);
    if (first.head === second.head) return { entry, difference: plain, reason: "both are one head: one measurement" };
    const sides = runs.map((run) => run.metrics[name].statistic);
    if (name.endsWith("_decoded")) return { entry, difference: plain, reason: DECODED };
    if (sides.includes(undefined)) return { entry, difference: plain, reason: NO_SERIES };
    const rows = sides.map((side, i) => side.rows.map((row) => tfg.decode(runs[i].rows[row])));
    if (rows[0].length !== rows[1].length || rows[0][0].length !== rows[1][0].length) return { entry, difference: plain, reason: "no interval: records of other numbers of frames" };
    const statistic = STATISTICS[sides[0].of];
    const apart = (series, frames) => statistic(series.slice(0, rows[0].length), frames) - statistic(series.slice(rows[0].length), frames);
    const found = estimate([...rows[0], ...rows[1]], apart);
    if (found === null) return { entry, difference: plain, reason: NO_INTERVAL };
    const probability = { up: found.probability, down: 1 - found.probability, none: null }[entry.better];
    return { entry, difference: found.value, low: found.low, high: found.high, probability, over: OVER };
  }

  // Metric -> difference; or the line that says why two runs are no pair.
  tfg.compare = function (first, second) {
    if (first.clip !== second.clip) return { problem: `${first.label} and ${second.label}: heads of other clips; compare runs of the same clips` };
    if (first.held_out !== second.held_out) return { problem: `${first.label} and ${second.label}: scored on other held-out frames; compare runs of one split and size` };
    const names = [...new Set([...Object.keys(first.metrics), ...Object.keys(second.metrics)])].filter((name) => !tfg.isOff([first.metrics[name], second.metrics[name]]));
    return { found: new Map(names.map((name) => [name, difference(name, first, second)])) };
  };

  // As Python prints a float with so many digits. Both round the exact binary value; a tie goes to the even digit there, up here.
  tfg.fixed = function (value, digits) {
    const doubled = value * 2 ** (digits + 1) * 5 ** digits; // twice the value in units of the last digit
    const isTie = Number.isInteger(value * 2 ** (digits + 1)) && Math.abs(doubled) < 2 ** 53 && doubled % 2 !== 0;
    return (isTie ? (2 * Math.round(doubled / 4)) / 10 ** digits : value).toFixed(digits);
  };
  tfg.signed = (value, entry) => {
    if (value === null) return "-";
    const text = tfg.fixed(value, entry.digits);
    return text.startsWith("-") ? text : `+${text}`;
  };
})();
