# SPDX-License-Identifier: LGPL-2.1-or-later
"""One film, many machines, the same pixels: udm-film (docs/FILM.md).

A film is planned once: plan.py writes down its cuts, its noise and a digest of each frame. Segments between cuts are
restored by commands that depend on nothing else (segment.py), on any machine that proves itself (machine.py), and are
joined (join.py, part.py). job.py drives all that; where the commands run is local.py's, on_ray.py's or on_slurm.py's
business. The truth is in the film's folder (folder.py): whatever was killed goes on from there.
"""
