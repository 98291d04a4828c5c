// A kernel that keeps an array in memory: what check.cmake is there to refuse.
__global__ void indexed(float* out, int at) {
  float local[64];
  for (int i = 0; i < 64; ++i) local[i] = out[i];
  for (int i = 0; i < at; ++i) local[(at * i) % 64] *= 2;
  for (int i = 0; i < 64; ++i) out[i] = local[(i * at) % 64];
}
