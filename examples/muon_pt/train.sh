#!/bin/sh
# usage: train.sh BUILD [ARGUMENTS OF train.py]      for example: train.sh build/release
# Repeats the training with BUILD/bin/muon_pt_generate: environment in .venv-train, samples in
# build/train-samples, model in examples/muon_pt/model (MUON_PT_MODEL names another folder).
# With --float the network without quantisers that the study of formats compares with.
# Needs Python 3.9 to 3.11 and PyPI; about 8 minutes on two cores.
set -eu
folder=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$folder/../.." && pwd)
environment=$root/.venv-train
samples=$root/build/train-samples
output=${MUON_PT_MODEL:-$folder/model}
if [ $# -lt 1 ] || [ ! -x "$1/bin/muon_pt_generate" ]; then
  echo "train.sh: give the build folder that holds bin/muon_pt_generate" >&2
  exit 4
fi
generate=$1/bin/muon_pt_generate
shift
if ! cmp -s "$folder/requirements.txt" "$environment/requirements.txt"; then
  python3 -m venv "$environment"
  "$environment/bin/pip" install --quiet --disable-pip-version-check \
    -r "$folder/requirements.txt"
  cp "$folder/requirements.txt" "$environment/requirements.txt"
fi

# sample NAME EVENTS SEED SPECTRUM PT_MIN PT_MAX: the seeds are those of SAMPLES in train.py.
sample() {
  [ -e "$samples/$1.npz" ] || "$generate" --output "$samples/$1.npz" --events "$2" --seed "$3" \
    --spectrum "$4" --pt-min "$5" --pt-max "$6"
}
mkdir -p "$samples"
sample train_logflat 280000 101 logflat 3 200
sample train_flat 120000 102 flat 3 200
sample validation_logflat 28000 103 logflat 3 200
sample validation_flat 12000 104 flat 3 200
sample test_flat 100000 202 flat 3 200
sample rate_logflat 400000 303 logflat 2 120
sample vectors_logflat 2000 505 logflat 2 250

export TF_CPP_MIN_LOG_LEVEL=2
exec "$environment/bin/python" "$folder/train.py" --samples "$samples" --output "$output" "$@"
