// The counter's sound: short at a hundred, long at the target.

let audio = null;

/** kind: "short" or "long"; a browser without sound stays silent. */
export function beep(kind) {
  try {
    audio ??= new AudioContext();
    const tone = audio.createOscillator();
    const level = audio.createGain();
    const seconds = kind === "long" ? 0.9 : 0.15;
    tone.frequency.value = kind === "long" ? 660 : 880;
    level.gain.setValueAtTime(0.15, audio.currentTime);
    level.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + seconds);
    tone.connect(level).connect(audio.destination);
    tone.start();
    tone.stop(audio.currentTime + seconds);
  } catch {
    /* no sound here */
  }
}
