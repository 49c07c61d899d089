//! What the machine consists of.

use papr::{PAGE_SIZE, PartitionId};

/// Least value of `ibm,max-virtual-dma-size` (LoPAR, General VIO Requirements, R1-4).
pub const MIN_VIRTUAL_DMA_SIZE: u64 = papr::device_tree::MIN_VIRTUAL_DMA_SIZE as u64;

/// Most pages of a partition's memory: 4 GiB.
pub const MAX_MEMORY_PAGES: u64 = 1 << 20;

/// Most pages of a window pane: 2 GiB. Page numbers of a pane then fit the 19 bits that a pin has for
/// them, and a queue as large as its pane has fewer than 2³² elements.
pub const MAX_WINDOW_PAGES: u64 = 1 << 19;

/// Two partitions, connected by a VMC, and how large things are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Config {
    /// The designated management partition.
    pub management: PartitionId,
    /// The partition in which the VMC service runs.
    pub platform: PartitionId,
    /// Ordinary partitions: they own no adapter.
    pub others: Vec<PartitionId>,
    /// Memory of the management partition, in pages.
    pub management_pages: u64,
    /// Memory of the platform partition, in pages.
    pub platform_pages: u64,
    /// Size of the management partition's first window pane, in pages.
    pub management_window_pages: u64,
    /// Size of the platform partition's only window pane, in pages. The management partition's second
    /// pane shows the same pages.
    pub platform_window_pages: u64,
    /// `ibm,max-virtual-dma-size`: longest `H_COPY_RDMA`, in bytes.
    pub max_virtual_dma_size: u64,
    /// Whether the VMC device exists from the start.
    pub vmc: VmcPresence,
    /// Whether a Hardware Management Console manages the machine, so that no VMC is to be had.
    pub hmc_attached: bool,
}

/// When the VMC device comes into being.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VmcPresence {
    /// At boot.
    Present,
    /// When the management partition calls `H_REQUEST_VMC`.
    OnRequest,
}

/// Why no machine can be made from a [`Config`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ConfigError {
    /// partition {0} is named twice
    #[error("partition {0} is named twice")]
    DuplicatePartition(PartitionId),
    /// a partition's memory has 1 to {MAX_MEMORY_PAGES} pages, not {0}
    #[error("a partition's memory has 1 to {MAX_MEMORY_PAGES} pages, not {0}")]
    MemoryPages(u64),
    /// a partition's memory is to have {expected} pages, and the memory that it was given has {got}
    #[error(
        "a partition's memory is to have {expected} pages, and the memory that it was given has {got}"
    )]
    OtherMemory {
        /// Pages that the configuration says.
        expected: u64,
        /// Pages of the memory.
        got: u64,
    },
    /// a window pane has 1 to {MAX_WINDOW_PAGES} pages, not {0}
    #[error("a window pane has 1 to {MAX_WINDOW_PAGES} pages, not {0}")]
    WindowPages(u64),
    /// ibm,max-virtual-dma-size is one cell of at least 128 KiB, not {0} bytes
    #[error("ibm,max-virtual-dma-size is one cell of at least 128 KiB, not {0} bytes")]
    MaxVirtualDmaSize(u64),
}

impl Config {
    /// Memory and windows of 4 MiB for partition 1, which manages, and partition 0, the platform; the VMC
    /// is there and no console is.
    pub fn small() -> Config {
        const PAGES: u64 = 4 * 1024 * 1024 / PAGE_SIZE;
        Config {
            management: PartitionId(1),
            platform: PartitionId(0),
            others: Vec::new(),
            management_pages: PAGES,
            platform_pages: PAGES,
            management_window_pages: PAGES,
            platform_window_pages: PAGES,
            max_virtual_dma_size: MIN_VIRTUAL_DMA_SIZE,
            vmc: VmcPresence::Present,
            hmc_attached: false,
        }
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let mut seen = vec![self.management];
        for &partition in std::iter::once(&self.platform).chain(&self.others) {
            if seen.contains(&partition) {
                return Err(ConfigError::DuplicatePartition(partition));
            }
            seen.push(partition);
        }
        for pages in [self.management_pages, self.platform_pages] {
            if !(1..=MAX_MEMORY_PAGES).contains(&pages) {
                return Err(ConfigError::MemoryPages(pages));
            }
        }
        for pages in [self.management_window_pages, self.platform_window_pages] {
            if !(1..=MAX_WINDOW_PAGES).contains(&pages) {
                return Err(ConfigError::WindowPages(pages));
            }
        }
        if !(MIN_VIRTUAL_DMA_SIZE..=u64::from(u32::MAX)).contains(&self.max_virtual_dma_size) {
            return Err(ConfigError::MaxVirtualDmaSize(self.max_virtual_dma_size));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_small_machine_is_valid() {
        assert_eq!(Config::small().check(), Ok(()));
    }

    #[test]
    fn each_impossible_value_has_its_own_error() {
        let with = |change: fn(&mut Config)| {
            let mut config = Config::small();
            change(&mut config);
            config.check()
        };
        assert_eq!(
            with(|c| c.others = vec![PartitionId(2), PartitionId(2)]),
            Err(ConfigError::DuplicatePartition(PartitionId(2)))
        );
        assert_eq!(
            with(|c| c.platform = c.management),
            Err(ConfigError::DuplicatePartition(PartitionId(1)))
        );
        assert_eq!(with(|c| c.platform_pages = 0), Err(ConfigError::MemoryPages(0)));
        assert_eq!(
            with(|c| c.management_window_pages = MAX_WINDOW_PAGES + 1),
            Err(ConfigError::WindowPages(MAX_WINDOW_PAGES + 1))
        );
        assert_eq!(
            with(|c| c.max_virtual_dma_size = MIN_VIRTUAL_DMA_SIZE - 1),
            Err(ConfigError::MaxVirtualDmaSize(MIN_VIRTUAL_DMA_SIZE - 1))
        );
    }
}
