/* Work for the guest's kernel: system calls, processes, pipes, page faults, sleeping. */
#define _GNU_SOURCE
#include "workloads.h"
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static uint64_t getppid_calls(unsigned times) {
  uint64_t sum = 0;
  for (unsigned n = 0; n < times * 1000; n++) sum += syscall(SYS_getppid) >= 0;
  return sum;
}

static uint64_t rdwr(unsigned times) {
  int zero = open("/dev/zero", O_RDONLY), null = open("/dev/null", O_WRONLY);
  uint64_t sum = 0;
  char buffer[64];
  for (unsigned n = 0; n < times * 1000; n++) sum += (uint64_t)read(zero, buffer, sizeof buffer) + (uint64_t)write(null, buffer, sizeof buffer);
  close(zero);
  close(null);
  return sum;
}

static uint64_t forks(unsigned times) {
  uint64_t sum = 0;
  for (unsigned n = 0; n < times; n++) {
    pid_t child = fork();
    if (child == 0) _exit((int)(n & 63));
    int status = 0;
    waitpid(child, &status, 0);
    sum += (unsigned)WEXITSTATUS(status);
  }
  return sum;
}

/* The program starts itself with an argument that makes it end at once. */
static uint64_t fork_exec(unsigned times) {
  uint64_t sum = 0;
  for (unsigned n = 0; n < times; n++) {
    pid_t child = fork();
    if (child == 0) {
      execl("/proc/self/exe", "workloads", "--exit", (char *)0);
      _exit(1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    sum += WIFEXITED(status) && WEXITSTATUS(status) == 7;
  }
  return sum;
}

static uint64_t ping_pong(unsigned times) {
  int there[2], back[2];
  uint64_t sum = 0;
  if (pipe(there) || pipe(back)) return 0;
  pid_t child = fork();
  char byte = 0;
  if (child == 0) {
    close(there[1]);
    while (read(there[0], &byte, 1) == 1) {
      byte++;
      if (write(back[1], &byte, 1) != 1) break;
    }
    _exit(0);
  }
  for (unsigned n = 0; n < times * 100; n++) {
    if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1) break;
    sum += (uint8_t)byte;
  }
  close(there[1]);
  close(there[0]);
  close(back[0]);
  close(back[1]);
  waitpid(child, 0, 0);
  return sum;
}

static uint64_t page_fault(unsigned times) {
  enum { BYTES = 4 << 20 };
  uint64_t sum = 0;
  for (unsigned n = 0; n < times; n++) {
    volatile uint8_t *p = mmap(0, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) return 0;
    for (unsigned i = 0; i < BYTES; i += 4096) {
      p[i] = 1;
      sum += p[i];
    }
    munmap((void *)p, BYTES);
  }
  return sum;
}

static uint64_t nano_sleep(unsigned times) {
  for (unsigned n = 0; n < times; n++) nanosleep(&(struct timespec){0, 50000}, 0);
  return times;
}

const struct workload kernel_workloads[] = {
    {"getppid", getppid_calls, 2200}, {"rdwr", rdwr, 650},           {"fork", forks, 700},
    {"forkexec", fork_exec, 500},    {"pingpong", ping_pong, 360},  {"pagefault", page_fault, 200},
    {"nanosleep", nano_sleep, 2000}, {0, 0, 0},
};
