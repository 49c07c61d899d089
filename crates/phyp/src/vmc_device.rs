//! The VMC device of the management partition: its node, and `H_REQUEST_VMC`, which makes it.
//!
//! The call's number is reserved in LoPAR. Only the designated management partition has the authority to
//! ask. A machine that an HMC manages has no VMC to give, and one that exists already is not made twice.

use crate::backend::Backend;
use crate::config::{Config, VmcPresence};
use crate::endpoint::{PlatformAdapter, Side};
use crate::hypervisor::Hypervisor;
use papr::device_tree::{VmcNode, Window};
use papr::{DrcIndex, HcallReturn, Liobn, ReturnCode};
use std::sync::atomic::{AtomicBool, Ordering};

/// What the two sides share besides the connection.
#[derive(Debug)]
pub(crate) struct VmcDevice {
    drc_index: DrcIndex,
    /// Handle of the management partition's second pane.
    pub(crate) remote_liobn: Liobn,
    /// Becomes true once, and stays so.
    exists: AtomicBool,
    pub(crate) hmc_attached: AtomicBool,
}

impl VmcDevice {
    pub(crate) fn new(config: &Config, drc_index: DrcIndex, remote_liobn: Liobn) -> VmcDevice {
        VmcDevice {
            drc_index,
            remote_liobn,
            // "Only presented when the system is not HMC managed" (LoPAR, Virtual Management Channel).
            exists: AtomicBool::new(config.vmc == VmcPresence::Present && !config.hmc_attached),
            hmc_attached: AtomicBool::new(config.hmc_attached),
        }
    }

    #[inline]
    pub(crate) fn exists(&self) -> bool {
        self.exists.load(Ordering::Acquire)
    }
}

impl Clone for VmcDevice {
    fn clone(&self) -> VmcDevice {
        VmcDevice {
            drc_index: self.drc_index,
            remote_liobn: self.remote_liobn,
            exists: self.exists().into(),
            hmc_attached: self.hmc_attached.load(Ordering::Acquire).into(),
        }
    }
}

impl<P: Backend> Hypervisor<P> {
    /// `H_REQUEST_VMC`: R4 is the DRC index of the device. The management partition asks, else
    /// `H_Authority`; no HMC manages the system, else `H_Not_Available`; there is no device yet, else
    /// `H_Resource`.
    pub(crate) fn request_vmc(&self, caller: Option<Side>) -> Result<HcallReturn, ReturnCode> {
        if caller != Some(Side::Management) {
            return Err(ReturnCode::AUTHORITY);
        }
        if self.is_hmc_attached() {
            return Err(ReturnCode::NOT_AVAILABLE);
        }
        if self.vmc.exists.swap(true, Ordering::AcqRel) {
            return Err(ReturnCode::RESOURCE);
        }
        Ok(HcallReturn::success_with(self.vmc.drc_index.0.into()))
    }

    /// The longest `H_COPY_RDMA` in bytes, as `/vdevice` says it.
    pub fn max_virtual_dma_size(&self) -> u64 {
        self.max_virtual_dma_size
    }

    /// The device-tree node of the management partition's VMC; `None` while there is no such device.
    pub fn vmc_node(&self) -> Option<VmcNode> {
        self.vmc.exists().then(|| self.prospective_vmc_node())
    }

    /// The node that the VMC has, or will have once it was requested: its handles are fixed for the life of the machine.
    pub fn prospective_vmc_node(&self) -> VmcNode {
        let (own, remote) = (self.endpoint(Side::Management), self.endpoint(Side::Platform));
        VmcNode {
            unit_address: own.unit_address,
            interrupt: own.interrupt,
            local_window: Window { liobn: own.liobn, size_bytes: own.window.size_bytes() },
            remote_window: Window {
                liobn: self.vmc.remote_liobn,
                size_bytes: remote.window.size_bytes(),
            },
            drc_index: self.vmc.drc_index,
            loc_code: format!(
                "U9080.HEX.SIMULAT-V{}-C{}",
                own.partition,
                self.vmc.drc_index.0 & 0xFFFF
            ),
        }
    }

    /// The two panes of the VMC's window, local and remote; as [`Hypervisor::vmc_node`] has them, for callers that
    /// ask often.
    pub fn vmc_windows(&self) -> Option<(Liobn, Liobn)> {
        let local = self.endpoint(Side::Management).liobn;
        self.vmc.exists().then_some((local, self.vmc.remote_liobn))
    }

    /// The adapter of the platform partition, which the VMC service uses.
    pub fn platform_adapter(&self) -> PlatformAdapter {
        let own = self.endpoint(Side::Platform);
        PlatformAdapter {
            unit_address: own.unit_address,
            interrupt: own.interrupt,
            liobn: own.liobn,
            window_pages: own.window.pages(),
        }
    }
}
