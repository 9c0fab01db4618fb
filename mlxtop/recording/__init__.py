"""Recordings: what Samples are written to, and where they come back from.

* Writing: `Recorder` (a thread, the flight recorder, files), `Target` (where to), `AlarmSaver`.
* Reading: `open_recording` gives a `Recording`, whose `moments` are the Samples with the gaps
  between them; `ReplaySource` is the same as a `Source`.
* Looking back: `Playback` has Frame and Watch of any time, fast where a `Survey` has been there;
  `then` has what the modes without a screen want.
* Parts: `between` has the Moments of a time and writes them anew, `mask` takes names out, `when`
  reads times as people write them.
* The format is told in `lines`.
"""
