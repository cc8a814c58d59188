"""Run the tests of control groups in a virtual machine: `python -m tests.cgroups.machine`.

The machine is qemu without KVM, so it needs no rights. It has Debian's kernel, and the files of this machine below a
layer in memory: what it writes is lost. pytest runs in it like a server to which systemd has delegated a group.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

__all__ = ["main"]

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build" / "machine"
LONGEST = 300
# In the order in which they can be loaded.
MODULES = (
    "virtio virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci "
    "netfs fscache netfs fscache 9pnet 9pnet_virtio 9p overlay"
).split()
INIT = """\
#!/busybox sh
b=/busybox
$b mount -t proc proc /proc
for module in {modules}; do $b insmod /$module.ko 2>/dev/null; done
$b mount -t 9p -o trans=virtio,version=9p2000.L,msize=500000,cache=loose,ro root /below
$b mount -t tmpfs above /above
$b mkdir /above/files /above/work
$b mount -t overlay -o lowerdir=/below,upperdir=/above/files,workdir=/above/work root /root
exec $b switch_root /root /bin/sh -c '{script}'
"""
SCRIPT = """
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devices /dev
mkdir -p /dev/shm /run
mount -t tmpfs memory /dev/shm
chmod a+x /root
mount -t cgroup2 groups /sys/fs/cgroup
cd /sys/fs/cgroup
echo "+memory +pids" > cgroup.subtree_control
mkdir app app/server other
echo $$ > app/server/cgroup.procs
cd {root}
export PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root PYTHONUTF8=1
{python} -c "import os; os.setxattr(\\"/sys/fs/cgroup/app\\", \\"user.delegate\\", b\\"1\\")"
{python} -m pytest -q -m cgroups -p no:cacheprovider --color=no --durations=5 {tests}
echo "status $?"
echo o > /proc/sysrq-trigger
sleep 60
"""


def kernel() -> Path:
    """Return the directory of Debian's kernel. If it is missing, apt downloads it."""
    found = BUILD / "kernel"
    if not found.is_dir():
        shutil.rmtree(BUILD, ignore_errors=True)
        BUILD.mkdir(parents=True)
        listed = subprocess.check_output(["apt-cache", "depends", "linux-image-amd64"], text=True)
        (name,) = (line.split()[1] for line in listed.splitlines() if "Depends: linux-image-" in line)
        subprocess.run(["apt-get", "download", name], cwd=BUILD, check=True)
        (package,) = BUILD.glob("*.deb")
        subprocess.run(["dpkg", "-x", package, BUILD / "unpacked"], check=True)
        package.unlink()
        (BUILD / "unpacked").rename(found)
    return found


def archive(files: dict[str, tuple[int, bytes]]) -> bytes:
    """Return an archive of cpio's format "newc" (Linux: Documentation/driver-api/early-userspace/buffer-format.rst)."""
    made = bytearray()
    for number, (name, (mode, data)) in enumerate({**files, "TRAILER!!!": (0, b"")}.items(), 1):
        numbers = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
        made += b"070701" + "".join(f"{value:08x}" for value in numbers).encode() + name.encode() + b"\0"
        made += bytes(-len(made) % 4) + data
        made += bytes(-len(made) % 4)
    return bytes(made)


def first_files(below: Path, tests: list[str]) -> bytes:
    """Return the initial files of the machine: busybox, kernel modules, and a script that mounts the other files."""
    found = {path.stem: path for path in below.glob("lib/modules/*/kernel/**/*.ko")}
    script = SCRIPT.format(root=ROOT, python=sys.executable, tests=" ".join(tests))
    init = INIT.format(modules=" ".join(MODULES), script=script)
    return archive(
        {
            **dict.fromkeys(("proc", "dev", "below", "above", "root"), (0o40755, b"")),
            "dev/console": (0o20600, b""),
            "busybox": (0o100755, Path("/bin/busybox").read_bytes()),
            "init": (0o100755, init.encode()),
            **{f"{name}.ko": (0o100644, found[name].read_bytes()) for name in MODULES},
        }
    )


def main(tests: list[str]) -> int:
    """Run the tests, print the output of the machine, and return the exit code of pytest."""
    missing = [name for name in ("qemu-system-x86_64", "busybox") if shutil.which(name) is None]
    if missing:
        sys.stderr.write(f"{' and '.join(missing)} not found: run make cgroups-apt as root\n")
        return 2
    began = time.monotonic()
    below = kernel()
    (image,) = below.glob("boot/vmlinuz-*")
    first = BUILD / "first"
    first.write_bytes(first_files(below, tests))
    command = [
        *("timeout", str(LONGEST)),
        *("qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "1024"),
        *("-nodefaults", "-no-user-config", "-display", "none", "-serial", "stdio", "-no-reboot"),
        *("-kernel", str(image), "-initrd", str(first), "-append", "console=ttyS0 quiet loglevel=0 panic=-1"),
        *("-virtfs", "local,path=/,mount_tag=root,security_model=passthrough,readonly=on,multidevs=remap"),
    ]
    status = 1
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as machine:
        assert machine.stdout is not None
        for line in machine.stdout:
            text = line.decode("utf-8", "replace").rstrip()
            if text.startswith("status "):
                status = int(text.split()[1])
            elif text:
                sys.stdout.write(f"{text}\n")
                sys.stdout.flush()
    sys.stdout.write(f"{time.monotonic() - began:.0f} s with the start of the machine\n")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or ["tests/cgroups"]))
