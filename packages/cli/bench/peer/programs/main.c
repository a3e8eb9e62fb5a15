/*
 * workloads [NAME...]: runs the named workloads, or all, and prints for each a line when it starts and one, with its
 * checksum, when it is done. As a guest's init it takes the names from `bench=NAME,NAME` on the kernel's command line,
 * runs those that begin with `bb-` as shell commands of busybox, and powers the machine off.
 */
#include "workloads.h"
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct workload *const tables[] = {integer_workloads, float_workloads, memory_workloads, kernel_workloads,
                                                thread_workloads};

static const struct workload *find(const char *name) {
  for (unsigned t = 0; t < sizeof tables / sizeof *tables; t++)
    for (const struct workload *w = tables[t]; w->name; w++)
      if (!strcmp(w->name, name)) return w;
  return 0;
}

static const struct command {
  const char *name, *shell;
} commands[] = {
    {"bb-sha256sum", "for i in 1 2 3 4 5 6 7 8 9 10; do sha256sum /tmp/data; done | sha256sum"},
    {"bb-md5sum", "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25; do md5sum /tmp/data; done | md5sum"},
    {"bb-gzip", "for i in 1 2 3 4; do gzip -c /tmp/text; done | md5sum"},
    {"bb-gunzip", "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14; do gunzip -c /tmp/text.gz; done | md5sum"},
    {"bb-awk", "awk '{ for (i = 1; i <= NF; i++) n[$i]++ } END { for (w in n) s += n[w] * length(w); print s }' /tmp/text"},
    {"bb-sort", "for i in 1 2 3 4; do sort /tmp/text; done | md5sum"},
    {"bb-spawn", "i=0; while [ $i -lt 300 ]; do /bin/busybox true; i=$((i+1)); done; echo $i"},
};

/* Eight MiB of noise, two MiB of words, and these compressed. */
static void make_files(void) {
  uint64_t seed = 10;
  FILE *data = fopen("/tmp/data", "w"), *text = fopen("/tmp/text", "w");
  if (!data || !text) return;
  for (unsigned i = 0; i < 2u << 20; i++) {
    uint32_t word = next_random(&seed);
    fwrite(&word, sizeof word, 1, data);
  }
  for (unsigned line = 0; line < 40000; line++)
    fprintf(text, "%u value%u of node%u is %x\n", next_random(&seed) % 100000, line % 97, next_random(&seed) % 512,
            next_random(&seed));
  fclose(data);
  fclose(text);
  system("gzip -c /tmp/text > /tmp/text.gz");
}

static int run_command(const char *name) {
  for (unsigned i = 0; i < sizeof commands / sizeof *commands; i++) {
    if (strcmp(commands[i].name, name)) continue;
    printf("BENCH-BEGIN %s\n", name);
    FILE *out = popen(commands[i].shell, "r");
    char answer[128] = "";
    if (out && !fgets(answer, sizeof answer, out)) answer[0] = 0;
    if (out) pclose(out);
    answer[strcspn(answer, " \n")] = 0;
    printf("BENCH-END %s %s\n", name, answer);
    return 1;
  }
  return 0;
}

static void run_named(const char *name) {
  const struct workload *w = find(name);
  if (!w && run_command(name)) return;
  if (!w) {
    printf("BENCH-UNKNOWN %s\n", name);
    return;
  }
  printf("BENCH-BEGIN %s\n", name);
  uint64_t sum = w->run(w->times);
  printf("BENCH-END %s %" PRIx64 "\n", name, sum);
}

static void as_init(void) {
  mount("proc", "/proc", "proc", 0, 0);
  mount("sysfs", "/sys", "sysfs", 0, 0);
  mount("devtmpfs", "/dev", "devtmpfs", 0, 0);
  setenv("PATH", "/bin", 1);
  static char line[4096];
  int file = open("/proc/cmdline", O_RDONLY);
  if (file >= 0 && read(file, line, sizeof line - 1) < 0) line[0] = 0;
  system("for f in /sys/devices/system/cpu/vulnerabilities/*; do echo \"BENCH-VULNERABILITY ${f##*/}: $(cat $f)\"; done");
  char *names = strstr(line, "bench=");
  if (names) {
    names[strcspn(names, " \n")] = 0;
    if (strstr(names, "bb-")) make_files();
    for (char *name = strtok(names + 6, ","); name; name = strtok(0, ",")) run_named(name);
  }
  printf("BENCH-DONE\n");
  sync();
  reboot(RB_POWER_OFF);
}

int main(int argc, char **argv) {
  if (argc > 1 && !strcmp(argv[1], "--exit")) return 7;
  setvbuf(stdout, 0, _IOLBF, 0);
  if (getpid() == 1) as_init();
  if (argc > 1)
    for (int i = 1; i < argc; i++) run_named(argv[i]);
  else
    for (unsigned t = 0; t < sizeof tables / sizeof *tables; t++)
      for (const struct workload *w = tables[t]; w->name; w++) run_named(w->name);
  return 0;
}
