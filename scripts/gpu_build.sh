# scripts/gpu_build.sh — the programs of scripts/gpu: made here, made for another machine, or taken as they are. Sourced
# by it.
# shellcheck shell=bash disable=SC2154
programs=(tests_cuda_gpu_ops tests_cuda_gpu_attention tests_cuda_gpu_networks full_size bench_cuda long_tiny_gpu
  long_tiny_bf16)
bin=  # where they are
corpus=data/corpus
has() { [[ -n "$bin" && -x "$bin/$1" ]]; }

stage_build() {
  if [[ -n "$prebuilt" ]] && ! $making; then
    use_prebuilt && return 0
  fi
  compile || return 0
  ! $making || [[ -z "$prebuilt" ]] || pack
}

# use_prebuilt: whether the programs of --prebuilt start here and one of them can use the GPU.
use_prebuilt() {
  local program said missing=()
  corpus="$prebuilt/corpus"
  if [[ ! -s "$prebuilt/manifest" ]]; then
    echo "$prebuilt has no manifest; it is made by scripts/gpu --only build --arch SM --prebuilt DIR" | tee -a "$logs/build.log"
    return 1
  fi
  cp "$prebuilt/manifest" "$logs/manifest"
  while IFS='=' read -r key value; do note_result "$key" "$value"; done <"$prebuilt/manifest"
  bin="$(cd "$prebuilt" && pwd)"
  chmod +x "$bin"/[a-z]*_* 2>/dev/null || true  # what was copied from machine to machine may have lost it
  for program in "${programs[@]}"; do has "$program" || missing+=("$program"); done
  if has tests_cuda_gpu_ops && libraries_found "$bin/tests_cuda_gpu_ops" &&
    within 40 build.log "$bin/tests_cuda_gpu_ops" '[run_once]'; then
    note_result programs prebuilt
    if [[ ${#missing[@]} -eq 0 ]]; then
      finish build passed "those of $prebuilt run"
    else
      finish build failed "those of $prebuilt run; it has no ${missing[*]}"
    fi
    return 0
  fi
  said="$(tail -n 3 "$logs/build.log" | tr '\n' ' ')"
  echo "the programs of $prebuilt do not run here: $said" | tee -a "$logs/build.log"
  note_result prebuilt.what "$said"
  bin=
  return 1
}

# compile: into build/gpu/ARCH; for another machine without this one's instructions.
compile() {
  local tool tree options keep_going=-k libraries missing=() built=0 limit=270
  for tool in nvcc cmake g++; do
    command -v "$tool" >/dev/null || PATH="$PATH:/usr/local/cuda/bin"
    command -v "$tool" >/dev/null || {
      finish build failed "$tool is not on the PATH; to compile, CUDA's toolkit, CMake and g++ are needed"
      return 1
    }
  done
  if [[ -z "$arch" ]]; then
    arch="${gpu[compute_cap]//./}"
    [[ "$arch" != 90 ]] || arch=90a  # with the instructions that only Hopper has
  fi
  nvcc_version="$(nvcc --version | grep -o 'V[0-9][0-9.]*' | head -n 1)"
  note_result nvcc "$nvcc_version" && note_result host_compiler "$(g++ --version | head -n 1)"
  note_result arch "sm_$arch" && note_result programs 'compiled here'
  note_result source "$(source_version)"
  mkdir -p "$work" && tree="$(cd "$work" && pwd)/sm_$arch"
  options=(-S . -B "$tree" -D CMAKE_BUILD_TYPE=Release -D LONGSKY_CUDA=ON "-DCMAKE_CUDA_ARCHITECTURES=$arch-real"
    -D CMAKE_POLICY_VERSION_MINIMUM=3.5 -D CMAKE_RUNTIME_OUTPUT_DIRECTORY="$tree/bin")
  if command -v ninja >/dev/null; then options+=(-G Ninja) keep_going=-k0; fi
  if $making; then
    # What is found beside the program or where the loader is told to look, nowhere else.
    options+=(-D LONGSKY_NATIVE=OFF -D CMAKE_BUILD_WITH_INSTALL_RPATH=ON "-DCMAKE_INSTALL_RPATH=\$ORIGIN/lib"
      -D "CMAKE_EXE_LINKER_FLAGS=-Wl,--disable-new-dtags" -D CMAKE_CUDA_FLAGS=-compress-mode=size)
    stage_end=$((SECONDS + 36000))  # nobody waits for a GPU
  else
    options+=(-D LONGSKY_NATIVE=ON)
  fi
  if [[ -n "$packages" ]]; then
    # An old-fashioned RPATH, since the packages' libraries need one another.
    packages="$(cd "$packages" && pwd)" corpus="$packages/corpus"
    libraries="$packages/usr/lib/$(g++ -print-multiarch)"
    [[ -d "$libraries" ]] || libraries="$(dirname "$(find "$packages/usr/lib" -name libz.so | head -n 1)")"
    options+=(-D "CMAKE_PREFIX_PATH=$packages/usr" -D "CMAKE_LIBRARY_PATH=$libraries"
      -D "CMAKE_EXE_LINKER_FLAGS=-Wl,--disable-new-dtags,-rpath,$libraries,-rpath-link,$libraries")
  fi
  within 60 build.log cmake "${options[@]}" || {
    finish build failed "$(grep -A 2 -m 1 'CMake Error' "$logs/build.log" | tr '\n' ' ')"
    return 1
  }
  ! $making || limit=36000
  within "$limit" build.log \
    cmake --build "$tree" -j "$cores" --target "${programs[@]}" -- "$keep_going" || true
  bin="$tree/bin"
  for tool in "${programs[@]}"; do
    if has "$tool"; then built=$((built + 1)) && libraries_found "$bin/$tool" || true; else missing+=("$tool"); fi
  done
  if [[ ${#missing[@]} -eq 0 ]]; then
    finish build passed "${programs[*]}"
  else
    finish build failed "not built: ${missing[*]}; $(grep -m 1 -E 'error|ninja: ' "$logs/build.log" || echo 'out of time')"
  fi
  [[ $built -gt 0 ]]
}

source_version() {
  git describe --always --dirty --abbrev=12 2>/dev/null || sed -n 's/.*version = "\(.*\)".*/\1/p' include/longsky/version.hpp
}

# pack: programs, libraries and books into --prebuilt DIR. glibc and the driver's libraries are the other machine's, and
# so is cuBLASLt.
pack() {
  local program file
  rm -rf "$prebuilt" && mkdir -p "$prebuilt/lib" "$prebuilt/corpus"
  for program in "${programs[@]}"; do
    has "$program" || continue
    strip -o "$prebuilt/$program" "$bin/$program"
    ldd "$bin/$program" | awk '$2 == "=>" && $3 ~ /^\// { print $1, $3 }' | while read -r name file; do
      [[ "$name" =~ ^(libc|libm|libdl|librt|libpthread|libresolv|ld-.*|libcuda|libcublas.*)\.so ]] ||
        cp -L "$file" "$prebuilt/lib/$name"
    done
  done
  printf '%s\n' "nvcc=$nvcc_version" "arch=sm_$arch" "source=$(source_version)" \
    "host_compiler=$(g++ --version | head -n 1)" >"$prebuilt/manifest"
  (need_books) >>"$logs/build.log" 2>&1 && cp data/corpus/* "$prebuilt/corpus/" || rmdir "$prebuilt/corpus"
  echo "$(find "$prebuilt" -type f | wc -l) files, $(du -sh "$prebuilt" | cut -f1) in $prebuilt; on the other machine: scripts/gpu --prebuilt $prebuilt"
}
