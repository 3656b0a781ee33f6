#!/usr/bin/env python3
"""damage_model.py MODEL.h5 FOLDER: copies of a model, each with one thing wrong."""
import shutil
import sys

import h5py
import numpy as np


def other_schema(model):
    model.attrs["schema"] = "nas-tl/model/v9"


def other_task(model):
    model.attrs["task"] = "regression"


def broken_candidate(model):
    model.attrs["candidate"] = '{"family": "mlp", '


def other_family(model):
    model.attrs["candidate"] = '{"family": "transformer"}'


def without_tensor(model):
    del model["head.weight"]


def other_shape(model):
    del model["head.weight"]
    model["head.weight"] = np.zeros((3, 3), "f4")


def other_type(model):
    del model["head.weight"]
    model["head.weight"] = "weights"


def not_finite(model):
    model["head.bias"][0] = np.nan


def without_preprocessing(model):
    del model["preprocessing"]


def wrong_preprocessing(model):
    del model["preprocessing/statistics/median"]
    model["preprocessing/statistics/median"] = np.zeros(1)


def no_temperature(model):
    model.require_group("calibration").attrs.update(rows=3, temperature=0.0)


def temperature_of_texts(model):
    model.require_group("calibration").attrs.update(rows=3, temperature="warm")


DAMAGES = (other_schema, other_task, broken_candidate, other_family, without_tensor,
           other_shape, other_type, not_finite, without_preprocessing, wrong_preprocessing,
           no_temperature, temperature_of_texts)


def main(model, folder):
    for damage in DAMAGES:
        path = "%s/%s.h5" % (folder, damage.__name__)
        shutil.copy(model, path)
        with h5py.File(path, "r+") as file:
            damage(file)
    with h5py.File(folder + "/no_model.h5", "w") as file:
        file["numbers"] = np.arange(3.0)
    with open(model, "rb") as file:
        start = file.read(3000)
    with open(folder + "/cut.h5", "wb") as file:
        file.write(start)


if __name__ == "__main__":
    main(*sys.argv[1:3])
